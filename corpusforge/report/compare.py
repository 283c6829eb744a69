"""Two finished runs side by side: recipes, versions, inputs, funnels, and the documents that changed sides."""

import difflib
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from corpusforge.engine.storage import StoredPath
from corpusforge.errors import RunError
from corpusforge.report.blocks import Stages
from corpusforge.report.lookup import parquet, read_manifest
from corpusforge.report.losses import titles
from corpusforge.report.sample_texts import locate

KEPT, QUARANTINED, ABSENT, UNRECORDED = "kept", "quarantined", "not read", "no record"
PARTITION_ROWS = 1 << 20  # of both runs: joined at a time, about 200 MB
BATCH_ROWS = 1 << 16
MOST_PARTITIONS = 256  # the first two digits of a doc_id
PLACE = ("source", "origin", "url")  # of a document shown; no text: it may have been rejected as offensive
FATES = pa.schema([pa.field("doc_id", pa.string()), pa.field("fate", pa.int32())])


def compare(a: StoredPath, b: StoredPath, samples: int = 5) -> dict[str, Any]:
    """Return how the finished run in `b` differs from that in `a`.

    `recipe`: parts that differ, by name, with `a` and `b`: whether each has it. `versions` and `inputs` likewise.
    `stages`: rows of both funnels, aligned by title, `a` or `b` None where one has no such stage. `moves`: documents by
    their fate in both (kept, rejected with stage and reason, quarantined, not read, no record), those that are alike
    left out, the most numerous first, with up to `samples` of them. `same`: documents whose fate is the same. Where the
    shards of a run do not name their documents (sequences, token ids), `same` is None and `unnamed` says which do not.
    Raises OutputError when there is no finished run, RunError when a part cannot be read.
    """
    runs = {"a": (a, read_manifest(a)), "b": (b, read_manifest(b))}
    manifests = {name: manifest for name, (_, manifest) in runs.items()}
    unnamed = [said for output, manifest in runs.values() for said in _unnamed(output, manifest)]
    moves, same = ([], None) if unnamed else _moves(runs, samples)
    return {
        "a": str(a),
        "b": str(b),
        "documents": {name: manifest["documents"] for name, manifest in manifests.items()},
        "tokens": {name: manifest["written"]["tokens"] for name, manifest in manifests.items()},
        "equal": manifests["a"]["content_checksum"] == manifests["b"]["content_checksum"],
        "recipe": _differences(manifests, lambda m: m["recipe_parts"], values=False),
        "versions": _differences(manifests, lambda m: m["versions"]),
        "inputs": _differences(manifests, _inputs, values=False),
        "stages": _stages(runs),
        "moves": moves,
        "same": same,
        "unnamed": unnamed,
    }


def _differences(manifests: Mapping[str, Any], part: Any, values: bool = True) -> list[dict[str, Any]]:
    a, b = part(manifests["a"]), part(manifests["b"])
    names = [name for name in {**a, **b} if a.get(name) != b.get(name)]
    return [
        {"name": name, **{k: (m.get(name) if values else name in m) for k, m in (("a", a), ("b", b))}} for name in names
    ]


def _inputs(manifest: Mapping[str, Any]) -> dict[str, Any]:
    return {
        f"{i['source']}: {i['path']}": [i["size"], [s["checksum"] for s in i["splits"]]] for i in manifest["inputs"]
    }


def _stages(runs: Mapping[str, tuple[StoredPath, dict[str, Any]]]) -> list[dict[str, Any]]:
    entries, named = {}, {}
    for name, (output, manifest) in runs.items():
        entries[name] = manifest["stages"]
        named[name] = titles(manifest["stages"], Stages(output, manifest).fields)
    rows: list[dict[str, Any]] = []

    def row(i: int | None, j: int | None) -> dict[str, Any]:
        mine = {"a": entries["a"][i] if i is not None else None, "b": entries["b"][j] if j is not None else None}
        reasons = sorted({reason for stage in mine.values() if stage for reason in stage["rejected"]})
        return {
            "stage": named["a"][i] if i is not None else named["b"][j or 0],
            **{k: s and {"read": s["read"], "kept": s["kept"], "seconds": s["seconds"]} for k, s in mine.items()},
            "reasons": [
                {"reason": r, **{k: s["rejected"].get(r, 0) if s else 0 for k, s in mine.items()}} for r in reasons
            ],
        }

    matched = difflib.SequenceMatcher(None, named["a"], named["b"], autojunk=False)
    for what, i1, i2, j1, j2 in matched.get_opcodes():
        if what == "equal":
            rows += [row(i, j) for i, j in zip(range(i1, i2), range(j1, j2), strict=True)]
        else:
            rows += [row(i, None) for i in range(i1, i2)] + [row(None, j) for j in range(j1, j2)]
    return rows


# ------------------------------------------------------------------------------------------- documents


class _Fates:
    # Names of fates by code; both runs share one, so that equal codes are equal fates.
    def __init__(self) -> None:
        self.names: list[str] = []

    def code(self, name: str) -> int:
        if name not in self.names:
            self.names.append(name)
        return self.names.index(name)


def _moves(runs: Mapping[str, tuple[StoredPath, dict[str, Any]]], samples: int) -> tuple[list[dict[str, Any]], int]:
    fates = _Fates()
    total = sum(manifest["documents"]["read"] for _, manifest in runs.values())
    partitions = min(MOST_PARTITIONS, max(1, -(-total // PARTITION_ROWS)))
    counts: dict[tuple[int, int], int] = {}
    shown: dict[tuple[int, int], list[str]] = {}
    missing = {name: fates.code(_absence(manifest)) for name, (_, manifest) in runs.items()}
    with tempfile.TemporaryDirectory(prefix="corpusforge-compare-") as folder:
        spilled = {
            name: _spill(output, manifest, fates, partitions, Path(folder), name)
            for name, (output, manifest) in runs.items()
        }
        for number in range(partitions):
            tables = {name: _distinct(paths[number]) for name, paths in spilled.items()}
            joined = tables["a"].join(
                tables["b"], "doc_id", join_type="full outer", left_suffix="_a", right_suffix="_b", use_threads=False
            )
            a, b = (pc.fill_null(joined[f"fate_{name}"], missing[name]) for name in ("a", "b"))
            both = pa.table({"doc_id": joined["doc_id"], "a": a, "b": b})
            for row in both.group_by(["a", "b"]).aggregate([([], "count_all")]).to_pylist():
                pair = row["a"], row["b"]
                counts[pair] = counts.get(pair, 0) + row["count_all"]
                if pair[0] != pair[1] and len(shown.setdefault(pair, [])) < samples:
                    mine = both.filter(pc.and_(pc.equal(both["a"], pair[0]), pc.equal(both["b"], pair[1])))
                    ids = mine.sort_by("doc_id")["doc_id"].slice(0, samples - len(shown[pair])).to_pylist()
                    shown[pair] += ids
    same = sum(count for (x, y), count in counts.items() if x == y)
    order = sorted(
        (p for p in counts if p[0] != p[1]), key=lambda p: (-counts[p], fates.names[p[0]], fates.names[p[1]])
    )
    about: dict[str, dict[str, Any]] = {}
    for output, manifest in runs.values():
        wanted = sorted({doc_id for pair in order for doc_id in shown[pair]} - set(about))
        about |= locate(output, manifest, wanted) if wanted else {}
    return [
        {
            "a": fates.names[x],
            "b": fates.names[y],
            "documents": counts[x, y],
            "samples": [
                {"doc_id": i, **{k: v for k, v in about.get(i, {}).items() if k in PLACE}} for i in shown[x, y]
            ],
        }
        for x, y in order
    ], same


def _absence(manifest: Mapping[str, Any]) -> str:
    # Of a run that kept no record of what it rejected nobody can tell a rejected document from one it never read.
    return UNRECORDED if manifest["run"]["keep_rejected"] == "none" else ABSENT


def _spill(
    output: StoredPath, manifest: Mapping[str, Any], fates: _Fates, partitions: int, folder: Path, name: str
) -> list[Path]:
    paths = [folder / f"{name}-{number}.arrow" for number in range(partitions)]
    with ExitStack() as stack:
        writers = [stack.enter_context(pa.ipc.new_file(str(path), FATES)) for path in paths]
        for ids, codes in _fates(output, manifest, fates):
            batch = pa.RecordBatch.from_arrays([ids, codes], schema=FATES)
            if partitions == 1:
                writers[0].write_batch(batch)
                continue
            ends = [f"{256 * number // partitions:02x}" for number in range(partitions)]
            prefix = pc.utf8_slice_codeunits(ids, 0, 2)
            which = sum(pc.greater_equal(prefix, end).cast(pa.int32()).to_numpy() for end in ends) - 1
            for number in set(which.tolist()):
                writers[number].write_batch(batch.filter(pa.array(which == number)))
    return paths


def _fates(output: StoredPath, manifest: Mapping[str, Any], fates: _Fates) -> Iterator[tuple[pa.Array, pa.Array]]:
    kinds = {
        "shards": ["doc_id"],
        "validation": ["doc_id"],
        "rejected": ["doc_id", "stage", "reason"],
        "quarantine": ["doc_id"],
    }
    for kind, columns in kinds.items():
        for part in _parts(manifest, kind):
            for batch in _batches(output / part["path"], columns):
                if kind == "rejected":
                    said = pc.binary_join_element_wise(batch.column("stage"), batch.column("reason"), ": ")
                    found = said.dictionary_encode()
                    codes = [fates.code(f"rejected by {name}") for name in found.dictionary.to_pylist()]
                    yield batch.column("doc_id"), pa.array(codes, pa.int32()).take(found.indices)
                else:
                    code = fates.code(QUARANTINED if kind == "quarantine" else KEPT)
                    yield batch.column("doc_id"), pa.array([code] * batch.num_rows, pa.int32())


def _parts(manifest: Mapping[str, Any], kind: str) -> Sequence[Mapping[str, Any]]:
    parts = manifest.get(kind, [])
    return parts if isinstance(parts, list) else []


def _unnamed(output: StoredPath, manifest: Mapping[str, Any]) -> list[str]:
    for part in (*_parts(manifest, "shards"), *_parts(manifest, "validation")):
        if "sequences" in part or not part["path"].endswith(".parquet"):
            held = "sequences" if "sequences" in part else "token ids"
            return [f"{output / part['path']} holds {held} and does not name its documents"]
    return []


def _batches(path: StoredPath, columns: list[str]) -> Iterator[pa.RecordBatch]:
    try:
        yield from parquet(path).iter_batches(BATCH_ROWS, columns=columns, use_threads=False)
    except (OSError, pa.ArrowException) as error:
        raise RunError(f"{path} cannot be read ({str(error).splitlines()[0]}); see corpusforge verify") from error


def _distinct(path: Path) -> pa.Table:
    with pa.memory_map(str(path)) as file:
        table = pa.ipc.open_file(file).read_all()
    # A mix may have written a document several times.
    return table.group_by("doc_id", use_threads=False).aggregate([("fate", "min")]).rename_columns(["doc_id", "fate"])
