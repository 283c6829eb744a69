"""Quality by rules: bounds on measured signals, from a pack."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pydantic import field_serializer, field_validator

from corpusforge import rules
from corpusforge.schema import FIRED, SIGNAL_PREFIX
from corpusforge.stage import Example, Kernel, Stage, kept, reject, with_columns

FIRED_TYPE = pa.list_(pa.string())


class Rules(Stage):
    """Keep documents whose signals are within the bounds of a pack, after the edits of the pack.

    A pack (`filters/*.yaml`, or a path) bounds named signals, inclusively; the first rule that fires is the reason
    and its signal's value is kept with it. All signals are measured for every document, rejected ones too, and
    stored with every rule that fires, so that bounds can be tuned afterwards. Bounds can be changed in the recipe:
    `quality.rules: {pack: gopher_quality, set: {word_count.min: 80}}`, of a step over lines as
    `lines.word_count.min`. A pack may take its bounds from a table by a column, such as the language.

    A pack with `edits` or `lines` changes the text first, also of documents that it then rejects; rows already
    rejected keep theirs. Its signals are those of the edited text, `chars_before` and `chars_after` among them. Null
    stays null. Null and empty texts have the value 0 in every signal. Neighbouring `quality.rules` stages that do not
    edit share what they measure.

    Reads: text, the column that the pack names as `by`.
    Writes: signal.<name> (float64) for each signal the pack names; signal.fired (list of strings, `pack:reason`);
        text (large_string) if the pack edits it.
    Rejects: <name>_below_min, <name>_above_max for each rule of the pack; the names of steps that reject;
        no_text_left when an edit left nothing of a text; <by>_not_in_table if the pack says `other: reject`.
    Cost: gopher_repetition 0.03 CPU s per MB of English, which cuts it into words; after it gopher_quality 0.004,
        fineweb 0.003 and c4 0.008; starcoder 0.005. 300 MB per worker with batches of 8 MB; 14 s of compiling in the
        first process of all.
    Errors: RecipeError with file:line:column for an unknown pack, signal, key or bound.
    Source: the packs name theirs.
    """

    block: ClassVar[str] = "rules"
    memory_bytes: ClassVar[int] = 300 << 20

    pack: str
    set: tuple[tuple[str, float], ...] = ()  # bounds that replace the pack's, as a map: {word_count.min: 80}

    @field_validator("set", mode="before")
    @classmethod
    def _as_pairs(cls, value: Any) -> Any:
        return tuple(sorted(value.items())) if isinstance(value, Mapping) else value

    @field_serializer("set")
    def _as_map(self, value: tuple[tuple[str, float], ...]) -> dict[str, float]:
        return dict(value)

    def _rules(self) -> rules.Pack:
        return rules.load(self.pack).changed(dict(self.set))

    def known_as(self) -> str:
        """The name of the pack."""
        return rules.load(self.pack).name

    def columns_read(self) -> tuple[str, ...]:
        """The text and the column that picks bounds."""
        by = self._rules().by
        return (*self.reads, by) if by else self.reads

    def columns_written(self) -> Mapping[str, pa.DataType]:
        """One float64 column per signal, the rules that fired, and the text if the pack edits it."""
        pack = self._rules()
        columns: dict[str, pa.DataType] = {"text": pa.large_string()} if pack.edits_text else {}
        return {**columns, **{f"{SIGNAL_PREFIX}{name}": pa.float64() for name in pack.signals()}, FIRED: FIRED_TYPE}

    def rejection_reasons(self) -> tuple[str, ...]:
        """The reasons of the pack's steps and rules."""
        return self._rules().reasons()

    def files(self) -> tuple[str, ...]:
        """The pack."""
        return (str(rules.load(self.pack).path),)

    def open(self) -> Kernel:
        """Resolve the pack's signals; the first batch compiles their kernels, or finds them compiled."""
        from corpusforge import signals
        from corpusforge.stages.quality.line_edits import edit
        from corpusforge.text import segment
        from corpusforge.text.batch import remember

        pack = self._rules()
        reasons = pack.reasons()
        changes = {name: signals.find_change(name) for name in pack.signals() if signals.is_change(name)}
        measures = {name: signals.find(name) for name in pack.signals() if name not in changes}

        def kernel(batch: pa.RecordBatch) -> pa.RecordBatch:
            text = segment(batch.column("text"))
            table: dict[str, np.ndarray] = {}
            early = None
            if pack.edits_text:
                before = text
                text, early = edit(pack, before, kept(batch))
                table = {name: change(before, text) for name, change in changes.items()}
                if text is not before:
                    column = _with_nulls(text.column, batch.column("text"))
                    remember(text, column)
                    batch = with_columns(batch, text=column)
            columns: dict[str, pa.Array] = {}
            for name, measure in measures.items():
                column = SIGNAL_PREFIX + name
                if column in batch.schema.names:
                    table[name] = batch.column(column).to_numpy(zero_copy_only=False)
                else:
                    table[name] = measure(text)
            columns = {SIGNAL_PREFIX + name: pa.array(table[name], pa.float64()) for name in pack.signals()}
            verdict = pack.judge(table, batch.column(pack.by) if pack.by else None, early)
            columns[FIRED] = pack.labels(verdict)
            if FIRED in batch.schema.names:
                columns[FIRED] = _joined(batch.column(FIRED), columns[FIRED])
            batch = with_columns(batch, **columns)
            first, rejected = verdict.first, verdict.rejected
            for i in np.unique(first[rejected]):
                batch = reject(
                    batch, rejected & (first == i), reasons[i], pa.array(verdict.values[:, i], from_pandas=True)
                )
            return batch

        return kernel

    @classmethod
    def examples(cls, folder: Path) -> tuple[Example, ...]:
        """The examples of the packs that reproduce published rules."""
        packs = [rules.load(name) for name in ("gopher_quality", "gopher_repetition", "starcoder", "c4")]
        return tuple(
            Example(
                cls(pack=p.name),
                {"text": e.text, **({p.by: e.group} if p.by else {})},
                e.reason,
                {} if e.edited is None else {"text": e.edited},
            )
            for p in packs
            for e in p.examples
        )


def _with_nulls(after: pa.Array, before: pa.Array) -> pa.Array:
    if not before.null_count:
        return after
    return pc.if_else(before.is_valid(), after, pa.scalar(None, pa.large_string()))


def _joined(before: pa.ListArray, after: pa.ListArray) -> pa.ListArray:
    # One list per row: what fired before, then what fires now.
    rows = np.concatenate([pc.list_parent_indices(part).to_numpy() for part in (before, after)])
    values = pa.concat_arrays([before.flatten(), after.flatten()])
    offsets = np.zeros(len(before) + 1, np.int32)
    np.cumsum(np.bincount(rows, minlength=len(before)), out=offsets[1:])
    return pa.ListArray.from_arrays(pa.array(offsets), values.take(pa.array(np.argsort(rows, kind="stable"))))
