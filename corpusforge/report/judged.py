"""What a block of rules said of every document, read back from signals/ in batches."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from corpusforge import rules
from corpusforge.engine.storage import StoredPath
from corpusforge.errors import OutputError, RunError
from corpusforge.report.blocks import Block
from corpusforge.report.lookup import parquet
from corpusforge.schema import FIRED, SIGNAL_PREFIX

BATCH_ROWS = 1 << 16  # 30 signals: 16 MB; a hundred million documents pass through the same memory
KEPT = -1  # the code of a document that the block keeps


class Labels:
    """Codes of `pack:reason`, in the order in which they were met."""

    def __init__(self) -> None:
        self.names: list[str] = []
        self._codes: dict[str, int] = {}

    def code(self, label: str) -> int:
        """Return the code of a label, a new one if need be."""
        if label not in self._codes:
            self._codes[label] = len(self.names)
            self.names.append(label)
        return self._codes[label]

    def name(self, code: int) -> str | None:
        """Return the label of a code; None for KEPT."""
        return None if code == KEPT else self.names[code]


@dataclass(frozen=True, eq=False)
class Target:
    """A pack inside a block of one source, and what other bounds would put in its place."""

    block: Block
    place: int  # of its stage, in the manifest's list
    pack: rules.Pack  # as in the run
    other: rules.Pack  # as asked for

    def earlier(self, packs: Sequence[tuple[int, str]]) -> set[str]:
        """Return the names of the block's packs whose reasons come before those of this one."""
        return {Path(name).stem for place, name in packs if place < self.place}


@dataclass(frozen=True)
class Judged:
    """Documents of one target: what the run said, and what is needed to judge them again; one row each."""

    target: Target
    doc_ids: pa.Array
    languages: pa.Array
    before: np.ndarray  # int64: code of the block's first reason in the run, or KEPT
    sooner: np.ndarray  # int64: code of the first reason that no bound of the pack's rules can take away, or KEPT
    later: np.ndarray  # int64: code of the first reason of packs behind it, or KEPT
    table: dict[str, np.ndarray]  # signal -> float64
    groups: pa.Array | None  # the column that the pack's table goes by

    def after(self, pack: rules.Pack, labels: Labels) -> np.ndarray:
        """Return the code of the block's first reason with `pack` in place of the target's, or KEPT; int64."""
        verdict = self.verdict(pack)
        own = np.array([labels.code(f"{pack.name}:{reason}") for reason in pack.reasons()] or [KEPT], np.int64)
        mine = np.where(verdict.rejected, own[verdict.first] if verdict.fired.shape[1] else KEPT, self.later)
        return np.where(self.sooner != KEPT, self.sooner, mine)

    def verdict(self, pack: rules.Pack) -> rules.Verdict:
        """Return what the rules of `pack` say of the stored signals."""
        count = len(self.doc_ids)
        shape = count, len(pack.early_reasons())
        return pack.judge(self.table, self.groups, rules.Early(np.zeros(shape, bool), np.zeros(shape)))


class Reading:
    """Reads signals/ of a finished run, for some targets."""

    def __init__(self, output: StoredPath, parts: Sequence[dict[str, Any]], fields: Sequence[dict[str, Any]]) -> None:
        self.output = output
        self.parts = parts
        self.fields = fields
        self.labels = Labels()

    def batches(self, targets: Sequence[Target]) -> Iterator[Judged]:
        """Yield what is stored of the documents of `targets`; RunError when a signal was not measured."""
        wanted = {rule.signal for t in targets for rule in t.other.rules}
        groups = {t.other.by for t in targets if t.other.by}
        blocks = {t.block.label for t in targets}
        for part in self.parts:
            try:
                file = parquet(self.output / part["path"])
                names = file.schema_arrow.names
                if not {"source", "block", "language"} <= set(names):
                    raise OutputError(
                        f"{self.output / part['path']} was written by an earlier version of corpusforge and does not "
                        "say whose signals it holds; run the recipe again with --replace"
                    )
                columns = ["doc_id", "source", "block", "language", *groups, FIRED]
                columns += [SIGNAL_PREFIX + name for name in sorted(wanted)]
                present = [name for name in dict.fromkeys(columns) if name in names]
                chosen = _row_groups(file, blocks)
                for batch in file.iter_batches(BATCH_ROWS, chosen, present) if chosen else ():
                    for target in targets:
                        mine = pc.and_(
                            pc.equal(batch.column("source"), target.block.source),
                            pc.equal(batch.column("block"), target.block.label),
                        )
                        if pc.any(mine).as_py():
                            yield self._judged(target, batch.filter(mine))
            except (OSError, pa.ArrowException) as error:
                said = str(error).splitlines()[0]
                raise RunError(
                    f"{self.output / part['path']} cannot be read ({said}); see corpusforge verify {self.output}"
                ) from error

    def _judged(self, target: Target, batch: pa.RecordBatch) -> Judged:
        table = {}
        for rule in target.other.rules:
            column = SIGNAL_PREFIX + rule.signal
            if column not in batch.schema.names or batch.column(column).null_count:
                raise RunError(
                    f"a rerun is needed: '{rule.signal}' was not measured in the block '{target.block.label}' of "
                    f"{target.block.source}; add it there with quality.signals or a pack, and run again"
                )
            table[rule.signal] = batch.column(column).to_numpy(zero_copy_only=False)
        groups = None
        if target.other.by:
            if target.other.by not in batch.schema.names:
                raise RunError(
                    f"a rerun is needed: the bounds of pack '{target.other.name}' go by the column "
                    f"'{target.other.by}', which was not stored with the signals"
                )
            groups = batch.column(target.other.by)
        before, sooner, later = self._first(target, batch.column(FIRED) if FIRED in batch.schema.names else None, batch)
        return Judged(
            target, batch.column("doc_id"), batch.column("language"), before, sooner, later, table, groups
        )  # fmt: skip

    def _first(self, target: Target, fired: pa.Array | None, batch: pa.RecordBatch) -> tuple[np.ndarray, ...]:
        none = np.full(batch.num_rows, KEPT, np.int64)
        if fired is None or not len(fired.flatten()):
            return none, none, none
        found = fired.flatten().dictionary_encode()
        names = found.dictionary.to_pylist()
        codes = np.array([self.labels.code(name) for name in names], np.int64)[found.indices.to_numpy()]
        earlier = target.earlier(list(target.block.packs(self.fields)))
        fixed = set(target.pack.early_reasons()) | {f"{target.pack.by}_not_in_table"}
        when = []
        for name in names:
            pack, _, reason = name.partition(":")
            mine = pack == target.pack.name
            when.append(0 if pack in earlier or (mine and reason in fixed) else 1 if mine else 2)
        order = np.array(when)[found.indices.to_numpy()]
        rows = pc.list_parent_indices(fired).to_numpy()

        def first(chosen: np.ndarray) -> np.ndarray:
            out = none.copy()
            at, index = np.unique(rows[chosen], return_index=True)
            out[at] = codes[chosen][index]
            return out

        return first(np.ones(len(rows), bool)), first(order == 0), first(order == 2)


def _row_groups(file: pq.ParquetFile, blocks: set[str]) -> list[int]:
    # Blocks lie one after the other, so the statistics of `block` rule out most row groups of the others.
    chosen = []
    for group in range(file.metadata.num_row_groups):
        about = file.metadata.row_group(group)
        at = next(i for i in range(about.num_columns) if about.column(i).path_in_schema == "block")
        statistics = about.column(at).statistics
        known = statistics is not None and statistics.has_min_max
        if not known or any(statistics.min <= block <= statistics.max for block in blocks):
            chosen.append(group)
    return chosen
