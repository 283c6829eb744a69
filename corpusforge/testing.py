"""Tools for testing stages, public so that plug-in authors use the same ones.

`docs` makes a batch, `judge` says what a stage does to texts, `run_corpus_stage` runs a corpus stage in
memory, and `check_stage` / `check_corpus_stage` hold a stage to the promises of the protocol.
"""

import atexit
import math
import pickle
import random
import shutil
import socket
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from corpusforge.rules import Pack
from corpusforge.schema import CORE, REJECTION, SIGNAL_PREFIX, doc_ids
from corpusforge.stage import CorpusStage, Example, Kernel, Pass, Stage, kept, with_columns

HARD_TEXTS: tuple[str | None, ...] = (
    None,
    "",
    " \n\t ",
    "\x00",
    "\u0301\u0308",  # combining marks with nothing to combine with
    "שלום עולם, مرحبا بالعالم",
    "👩‍👩‍👧‍👦" * 40 + "🇩🇪",
    "一二三四五。ไทยภาษาไทย",
    "a\r\nb\u2028c\x0bd",
    "word " * 2000,
    "x" * 1_000_000,
    "line\n" * 100_000,
)


def docs(*texts: str | None, **columns: Sequence[Any]) -> pa.RecordBatch:
    """Return a batch with the core columns: one row per text, origins "0", "1", ..., other columns as given."""
    rows = len(texts)
    origins = [str(i) for i in range(rows)]
    arrays: dict[str, pa.Array] = {
        "doc_id": doc_ids("test", origins),
        "text": pa.array(texts, pa.large_string()),
        "source": pa.array(["test"] * rows, pa.string()),
        "origin": pa.array(origins, pa.string()),
    }
    for field in CORE:
        arrays.setdefault(field.name, pa.nulls(rows, field.type))
    for name, values in columns.items():
        if not isinstance(values, pa.Array):
            values = pa.array(values, CORE.field(name).type if name in CORE.names else None)
        arrays[name] = values
    return pa.RecordBatch.from_arrays(list(arrays.values()), names=list(arrays))


def judge(stage: Stage, *texts: str | None, **columns: Sequence[Any]) -> list[str | None]:
    """Return the reason for which `stage` rejects each text, None for a kept one."""
    return reasons(run_stage(stage, docs(*texts, **columns)))


def reasons(batch: pa.RecordBatch) -> list[str | None]:
    """Return the `rejected` column as a list; all None when the batch has none."""
    if "rejected" not in batch.schema.names:
        return [None] * batch.num_rows
    return list(batch.column("rejected").to_pylist())


def failing_examples(pack: Pack) -> list[str]:
    """Return a line for each example of a rule pack that the pack judges or edits otherwise than it says."""
    from corpusforge.stages.quality.rules import Rules

    if not pack.examples:
        return []
    columns = {pack.by: pa.array([e.group for e in pack.examples], pa.string())} if pack.by else {}
    out = run_stage(Rules(pack=str(pack.path)), docs(*(e.text for e in pack.examples), **columns))
    lines = []
    for example, reason, text in zip(pack.examples, reasons(out), out["text"].to_pylist(), strict=True):
        if reason != example.reason:
            lines.append(f"example {example.text[:60]!r} gives {reason or 'no reason'}, not {example.reason or 'none'}")
        elif example.edited is not None and text != example.edited:
            lines.append(f"example {example.text[:60]!r} becomes {text[:60]!r}, not {example.edited[:60]!r}")
    return lines


def run_stage(stage: Stage, batch: pa.RecordBatch) -> pa.RecordBatch:
    """Open `stage`, run it on one batch and return the result; a corpus stage sees the batch as its corpus."""
    if isinstance(stage, CorpusStage):
        return run_corpus_stage(stage, [batch])[0]
    return stage.open()(batch)


# ------------------------------------------------------------------------------------ corpus stages


def run_corpus_stage(
    stage: CorpusStage, splits: Sequence[pa.RecordBatch], partitions: int = 1, batch_rows: int = 1 << 16
) -> list[pa.RecordBatch]:
    """Run a corpus stage over `splits` in memory, with `partitions` key ranges, and return the judged splits.

    The plain reference of what the engine does: the same result is owed for any splits, partitions and batch size.
    """
    addressed = []
    for number, batch in enumerate(splits):
        rows = batch.num_rows
        order = (
            pa.array(np.zeros(rows, np.uint16)) if "source_order" not in batch.schema.names else batch["source_order"]
        )
        addressed.append(
            with_columns(
                batch,
                split=pa.array(np.full(rows, number + 1, np.uint64)),
                row=pa.array(np.arange(rows, dtype=np.uint32)),
                source_order=order,
            )
        )
    passes = {p.name: p for p in stage.passes()}
    outputs: dict[str, list[pa.RecordBatch]] = {}
    artifacts: dict[str, Path] = {}
    folder = _temporary_folder()
    findings: list[pa.RecordBatch] = []
    for name, one in passes.items():
        emitted = _emit(one, outputs.get(one.source), outputs, addressed, batch_rows)
        outputs[name] = _combine(one, emitted, 1 if one.to == "artifact" else partitions, batch_rows)
        if one.until == "stable":
            _repeat(one, passes, outputs, partitions, batch_rows)
        if one.to == "findings":
            findings = outputs[name]
        if one.to == "artifact":
            assert one.artifact is not None
            artifacts[name] = folder / name
            one.artifact(iter(outputs[name]), artifacts[name])
    kernel = stage.open_corpus(artifacts)
    judged = []
    for batch in addressed:
        mine = _addressed_to(batch, findings, ())
        judged.append(kernel(batch, mine))
    return judged


def _repeat(
    one: Pass, passes: Mapping[str, Pass], outputs: dict[str, list[pa.RecordBatch]], partitions: int, batch_rows: int
) -> None:
    names = list(passes)
    loop = [passes[n] for n in names[names.index(one.again) : names.index(one.name) + 1]]
    state = _state(outputs[one.name])
    rounds = 2 * math.log2(max(2, state[0])) + 10
    for _ in range(int(rounds)):
        for before, step in zip([one, *loop], loop, strict=False):
            emitted = _emit(step, outputs[before.name], outputs, [], batch_rows)
            outputs[step.name] = _combine(step, emitted, partitions, batch_rows)
        if (found := _state(outputs[one.name])) == state:
            return
        state = found
    raise AssertionError(f"pass {one.name} is not stable after {int(rounds)} rounds")


def _state(batches: Sequence[pa.RecordBatch]) -> tuple[int, list[Any]]:
    rows = sorted(tuple(row.values()) for batch in batches for row in batch.to_pylist())
    return len(rows), rows


def _emit(
    one: Pass,
    rows: list[pa.RecordBatch] | None,
    outputs: Mapping[str, list[pa.RecordBatch]],
    documents: Sequence[pa.RecordBatch],
    batch_rows: int,
) -> list[pa.RecordBatch]:
    emitted = []
    if one.source == "documents":
        for batch in documents:
            for start in range(0, batch.num_rows, batch_rows):
                piece = batch.slice(start, batch_rows)
                joined = {name: _addressed_to(piece, outputs[name], ()) for name in one.join}
                emitted.append(one.emit(piece, joined))
    else:
        emitted = [one.emit(batch, {}) for batch in rows or []]
    return [batch for batch in emitted if batch is not None and batch.num_rows]


def _addressed_to(batch: pa.RecordBatch, rows: Sequence[pa.RecordBatch], by: tuple[str, ...]) -> pa.RecordBatch:
    if not rows:
        return pa.RecordBatch.from_pydict({"split": pa.array([], pa.uint64()), "row": pa.array([], pa.uint32())})
    table = pa.Table.from_batches(rows).combine_chunks()
    wanted = set(zip(batch["split"].to_pylist(), batch["row"].to_pylist(), strict=True))
    addresses = list(zip(table["split"].to_pylist(), table["row"].to_pylist(), strict=True))
    where = sorted((i for i, a in enumerate(addresses) if a in wanted), key=lambda i: (addresses[i][1], i))
    return table.take(pa.array(where, pa.int64())).combine_chunks().to_batches()[0] if where else _empty(table.schema)


def _empty(schema: pa.Schema) -> pa.RecordBatch:
    return pa.RecordBatch.from_arrays([pa.array([], f.type) for f in schema], schema=schema)


def _combine(one: Pass, emitted: list[pa.RecordBatch], partitions: int, batch_rows: int) -> list[pa.RecordBatch]:
    if not emitted:
        return list(one.combine(iter(())))
    table = pa.Table.from_batches(emitted).combine_chunks()
    keys = table[one.key].to_numpy().tolist()
    orders = [[_big_endian(v) for v in table[name].to_pylist()] for name in one.order]
    rank = sorted(range(table.num_rows), key=lambda i: (keys[i], *(o[i] for o in orders)))
    table = table.take(pa.array(rank, pa.int64())).combine_chunks()
    owner = np.array([keys[i] * partitions >> 64 for i in rank])
    combined: list[pa.RecordBatch] = []
    for partition in range(partitions):
        part = table.filter(pa.array(owner == partition)).combine_chunks()
        batches = part.to_batches(max_chunksize=batch_rows) if part.num_rows else []
        combined.extend(b for b in one.combine(iter(batches)) if b.num_rows)
    return combined


def _big_endian(value: Any) -> bytes:
    return value if isinstance(value, bytes) else int(value).to_bytes(8, "big")


# --------------------------------------------------------------------------------------- conformance


def check_stage(cls: type[Stage], folder: Path | None = None) -> None:
    """Hold a stage to the protocol; AssertionError says which promise is broken.

    Frozen, hashable, small pickle, YAML round trip; same rows in the same order; declared columns and types only;
    any split of a batch gives the same rows; hard texts; two `open()`s agree; an earlier reason is never overwritten;
    every declared reason is shown by an example; no network.
    """
    folder = folder or _temporary_folder()
    examples = cls.examples(folder)
    assert examples, f"{cls.__name__} shows no example"
    with _no_network():
        for stage in {example.stage for example in examples}:
            _check_description(stage)
            _check_kernel(stage, [e for e in examples if e.stage == stage])
    shown = {e.reason for e in examples}
    declared = {r for e in examples for r in e.stage.rejection_reasons()}
    assert declared <= shown, f"{cls.__name__}: no example shows {sorted(declared - shown)}"


def check_corpus_stage(cls: type[CorpusStage], folder: Path | None = None) -> None:
    """Everything of `check_stage`, and: any splits, partitions and batch sizes give the same rows."""
    folder = folder or _temporary_folder()
    check_stage(cls, folder)
    with _no_network():
        for stage in {example.stage for example in cls.examples(folder)}:
            assert isinstance(stage, CorpusStage)
            batch = _example_batch([e for e in cls.examples(folder) if e.stage == stage], HARD_TEXTS[:-2])
            whole = _rows(run_corpus_stage(stage, [batch])[0])
            splits = [batch.slice(i, 2) for i in range(0, batch.num_rows, 2)]
            for partitions, batch_rows in ((1, 1), (3, 2), (7, 1 << 16)):
                judged = run_corpus_stage(stage, splits, partitions, batch_rows)
                assert [r for b in judged for r in _rows(b)] == whole, (
                    f"{stage!r}: other rows with {partitions} partitions and batches of {batch_rows}"
                )


def _temporary_folder() -> Path:
    folder = Path(tempfile.mkdtemp(prefix="corpusforge-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)  # a stage may open its files again until then
    return folder


def _check_description(stage: Stage) -> None:
    assert stage.model_config.get("frozen"), f"{stage!r} is not frozen"
    hash(stage)
    assert len(pickle.dumps(stage)) < 20_000, f"{stage!r} pickles to more than 20 kB"
    again = type(stage).model_validate(stage.model_dump(mode="json"))
    assert again == stage, f"{stage!r} does not survive YAML"


def _example_batch(examples: Sequence[Example], hard: Sequence[str | None]) -> pa.RecordBatch:
    rows = [dict(e.row) for e in examples]
    columns: dict[str, list[Any]] = {}
    for name in {n for r in rows for n in r} - {"text"}:
        columns[name] = [r.get(name) for r in rows] + [None] * len(hard)
    arrays = {n: pa.array(v, _input_type(examples[0].stage, n)) for n, v in sorted(columns.items())}
    return docs(*[r.get("text") for r in rows], *hard, **arrays)


def _input_type(stage: Stage, name: str) -> pa.DataType | None:
    if name in CORE.names:
        return CORE.field(name).type
    return {"content": pa.large_binary(), "content_type": pa.string(), "http_status": pa.int16()}.get(name)


def _check_kernel(stage: Stage, examples: Sequence[Example]) -> None:
    batch = _example_batch(examples, HARD_TEXTS)
    kernel = _kernel(stage)
    out = kernel(batch)
    _check_columns(stage, batch, out)
    for i, example in enumerate(examples):
        assert reasons(out)[i] == example.reason, (
            f"{stage!r}: {example.row} gave {reasons(out)[i]}, not {example.reason}"
        )
        for name, value in example.expect.items():
            found = out.column(name)[i].as_py()
            close = isinstance(value, float) and found is not None and math.isclose(found, value, rel_tol=1e-5)
            assert close or found == value, f"{stage!r}: {name} is {found!r}, not {value!r}"
    assert set(reasons(out)) - {None} <= set(stage.rejection_reasons()), f"{stage!r} gave an undeclared reason"
    rows = _rows(out)
    assert _rows(_kernel(stage)(batch)) == rows, f"{stage!r}: two open()s disagree"
    _check_columns(stage, batch.slice(0, 0), _kernel(stage)(batch.slice(0, 0)))
    if not isinstance(stage, CorpusStage):
        cuts = sorted(random.Random(0).sample(range(1, batch.num_rows), min(4, batch.num_rows - 1)))
        pieces = [batch.slice(a, b - a) for a, b in zip([0, *cuts], [*cuts, batch.num_rows], strict=True)]
        assert [r for p in pieces for r in _rows(kernel(p))] == rows, f"{stage!r}: splitting a batch changes rows"
    earlier = with_columns(
        batch,
        rejected=pa.array(["earlier"] * batch.num_rows),
        rejected_value=pa.nulls(batch.num_rows, pa.float64()),
        rejected_detail=pa.nulls(batch.num_rows, pa.string()),
    )
    if not isinstance(stage, CorpusStage):
        assert set(reasons(kernel(earlier))) == {"earlier"}, f"{stage!r} overwrites an earlier reason"


def _kernel(stage: Stage) -> Kernel:
    if isinstance(stage, CorpusStage):
        return lambda batch: run_stage(stage, batch)
    return stage.open()


def _check_columns(stage: Stage, before: pa.RecordBatch, after: pa.RecordBatch) -> None:
    assert after.num_rows == before.num_rows, f"{stage!r} dropped or made rows"
    assert after["doc_id"].equals(before["doc_id"]), f"{stage!r} changed the order of rows"
    engine = {*REJECTION.names, "split", "row", "source_order"}
    written = dict(stage.columns_written())
    for field in after.schema:
        if field.name in engine or field.name.startswith(SIGNAL_PREFIX):
            continue
        if field.name in written:
            assert field.type == written[field.name], f"{stage!r}: {field.name} is {field.type}"
        else:
            assert field.name in before.schema.names, f"{stage!r} writes the undeclared column {field.name}"
            assert after[field.name].equals(before[field.name]), f"{stage!r} changed {field.name}, undeclared"
    missing = (set(before.schema.names) - set(stage.drops) | set(written)) - set(after.schema.names)
    assert not missing, f"{stage!r} lost columns {sorted(missing)}"
    assert int(kept(after).sum()) <= after.num_rows


def _rows(batch: pa.RecordBatch) -> list[dict[str, Any]]:
    names = [n for n in batch.schema.names if n not in {"split", "row", "source_order"}]
    rows = batch.select(names).to_pylist()
    defaults = dict.fromkeys(REJECTION.names)
    return [{k: _comparable(v) for k, v in ({**defaults, **row}).items()} for row in rows]


def _comparable(value: Any) -> Any:
    return "nan" if isinstance(value, float) and math.isnan(value) else value


class _no_network:
    """Make any connection an error while a stage runs."""

    def __enter__(self) -> None:
        self._connect = socket.socket.connect

        def refuse(*_: Any) -> None:
            raise AssertionError("a stage touched the network")

        socket.socket.connect = refuse  # type: ignore[method-assign]

    def __exit__(self, *_: object) -> None:
        socket.socket.connect = self._connect  # type: ignore[method-assign]
