"""A corpus index: what finished corpora hold, so that later crawls can leave it out.

A folder of parts, each for up to `PART_DOCUMENTS` documents of a finished run, in rank order (longest first, then
doc_id; earlier parts before later ones), as plain arrays that are memory-mapped:

    keys.npy        uint64[pairs]         band keys, sorted
    numbers.npy     uint32[pairs]         the document of each, its number in the part; rising inside a key
    offsets.npy     int64[documents + 1]  where each document's n-grams begin
    grams.npy       uint64[n-grams]       hashes of the n-grams, a sorted set for each document
    doc_ids.npy     uint8[documents, 16]

index.json names them with sizes and checksums; it is written last, and what it does not name does not exist. Space:
about 1.4 bytes for each byte of text and 12 for each band of a document.
"""

import shutil
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np
import orjson
import pyarrow as pa
import pyarrow.compute as pc
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from corpusforge.engine.storage import StoredPath, checksum_range, stored_path, write_whole
from corpusforge.errors import OutputError

NAME = "index.json"
FORMAT = 1
ARRAYS = ("keys", "numbers", "offsets", "grams", "doc_ids")
PART_DOCUMENTS = 500_000
PART_GRAMS = 1 << 27  # 1 GiB of hashes


class Banding(BaseModel):
    """What makes two documents candidates; the fields of `dedup.minhash`. An index has one for all its parts."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    ngram: int = Field(5, ge=1)
    unit: Literal["words", "characters"] = "words"
    bands: int = Field(24, ge=1)
    rows: int = Field(7, ge=1)
    seed: int = Field(1, ge=0, lt=1 << 32)


class Part(NamedTuple):
    """The arrays of one part, memory-mapped."""

    keys: np.ndarray
    numbers: np.ndarray
    offsets: np.ndarray
    grams: np.ndarray
    doc_ids: np.ndarray


@dataclass(frozen=True)
class CorpusIndex:
    """An index on disk; `parts` of its index.json in rank order."""

    folder: Path
    banding: Banding
    corpora: tuple[str, ...]  # content checksums of the runs it was made from
    parts: tuple[dict[str, Any], ...]

    @property
    def documents(self) -> int:
        """Documents in all parts."""
        return sum(part["documents"] for part in self.parts)

    def load(self) -> list[Part]:
        """Map every part."""
        return [Part(*(_load(self.folder / part["path"] / f"{name}.npy") for name in ARRAYS)) for part in self.parts]


def read_index(folder: str | Path) -> CorpusIndex:
    """Return the index in `folder`; OutputError says what is missing or damaged. Sizes are compared, bytes are not."""
    path = Path(folder) / NAME
    try:
        data = orjson.loads(path.read_bytes())
        found = CorpusIndex(
            Path(folder), Banding.model_validate(data["banding"]), tuple(data["corpora"]), tuple(data["parts"])
        )
    except FileNotFoundError:
        raise OutputError(
            f"there is no index in '{folder}'; make one with: corpusforge index OUTPUT {folder}"
        ) from None
    except (ValueError, KeyError, TypeError, ValidationError) as error:
        raise OutputError(f"'{path}' is no index: {error}") from None
    for part in found.parts:
        for name, file in part["files"].items():
            at = found.folder / part["path"] / f"{name}.npy"
            size = at.stat().st_size if at.is_file() else -1
            if size != file["size"]:
                said = "is missing" if size < 0 else f"has {size} bytes, not {file['size']}"
                raise OutputError(f"index '{folder}': {at} {said}; make the index again")
    return found


def extend(output: str | StoredPath, folder: str | Path, banding: Banding) -> CorpusIndex:
    """Add the kept documents of the finished run in `output` to the index in `folder`, which is made if there is none.

    An index that exists keeps its own banding. Raises OutputError when the run is not finished, has no text, or is in
    the index already.
    """
    run = stored_path(output)
    try:
        manifest = orjson.loads((run / "manifest.json").read_bytes())
    except FileNotFoundError:
        raise OutputError(f"{run} holds no finished run: there is no manifest.json") from None
    texts = _texts(run, [shard["path"] for shard in manifest["shards"]])
    return add(folder, texts, manifest["content_checksum"], banding)


def add(folder: str | Path, texts: Iterable[pa.RecordBatch], corpus: str, banding: Banding) -> CorpusIndex:
    """Add documents (batches with `doc_id` and `text`) to the index in `folder` under the name of their corpus."""
    folder = Path(folder)
    index = read_index(folder) if (folder / NAME).exists() else CorpusIndex(folder, banding, (), ())
    if corpus in index.corpora:
        raise OutputError(f"the index in {folder} has this corpus already (content checksum {corpus})")
    parts = list(index.parts)
    for documents in _parts(texts, index.banding):
        name = f"part-{len(parts):05d}"
        shutil.rmtree(folder / name, ignore_errors=True)  # left behind by a run that was killed
        parts.append({"path": name, "documents": len(documents.doc_ids), "files": _write(documents, folder / name)})
    index = CorpusIndex(folder, index.banding, (*index.corpora, corpus), tuple(parts))
    folder.mkdir(parents=True, exist_ok=True)
    said = {"format": FORMAT, "banding": index.banding.model_dump(), "corpora": index.corpora, "parts": index.parts}
    write_whole(folder / NAME, orjson.dumps(said, option=orjson.OPT_INDENT_2))
    return index


def _texts(run: StoredPath, shards: Iterable[str]) -> Iterator[pa.RecordBatch]:
    from corpusforge.report.lookup import parquet

    for shard in shards:
        if not shard.endswith(".parquet"):
            raise OutputError(f"{run / shard} holds token ids alone; an index is made from texts")
        file = parquet(run / shard)
        if "text" not in file.schema_arrow.names:
            raise OutputError(f"{run / shard} has no column 'text'; an index is made from texts")
        yield from file.iter_batches(batch_size=4096, columns=["doc_id", "text"])


def _load(path: Path) -> np.ndarray:
    return np.asarray(np.load(path, mmap_mode="r", allow_pickle=False))


def _parts(texts: Iterable[pa.RecordBatch], banding: Banding) -> Iterator[Part]:
    held: list[tuple[np.ndarray, ...]] = []
    documents = grams = 0
    for batch in texts:
        held.append(_measured(batch, banding))
        documents += len(held[-1][0])
        grams += len(held[-1][-1])
        if documents >= PART_DOCUMENTS or grams >= PART_GRAMS:
            yield _ranked(held)
            documents = grams = 0
    if documents:
        yield _ranked(held)


def _measured(batch: pa.RecordBatch, banding: Banding) -> tuple[np.ndarray, ...]:
    # doc_ids, characters, keys, n-grams of each, n-grams of all; documents with words only
    from corpusforge.stages.dedup.listed import distinct_sets
    from corpusforge.stages.dedup.rank import doc_id_bytes
    from corpusforge.stages.dedup.signature import band_keys, permutations, signatures
    from corpusforge.text import segment
    from corpusforge.text.shingles import shingles_of

    grams = shingles_of(segment(batch.column("text")), banding.ngram, banding.unit)
    part = np.flatnonzero(np.diff(grams.offsets))
    signature = signatures(grams, *permutations(banding.bands * banding.rows, banding.seed))
    counts, sets = distinct_sets(grams.offsets, grams.hashes)
    chars = np.asarray(pc.fill_null(pc.utf8_length(batch.column("text")), 0)).astype(np.int64)
    keys = band_keys(signature[part], banding.bands, banding.rows)
    return doc_id_bytes(batch.column("doc_id"))[part], chars[part], keys, counts[part], sets


def _ranked(held: list[tuple[np.ndarray, ...]]) -> Part:
    # Longest first, then by doc_id, as dedup.minhash keeps by default. Empties `held`.
    doc_ids, chars, keys, counts, grams = (np.concatenate(arrays) for arrays in zip(*held, strict=True))
    held.clear()  # as large as the part
    high, low = doc_ids.view(">u8").astype(np.uint64).T
    order = np.lexsort([low, high, -chars])
    begins = np.concatenate([[0], np.cumsum(counts)[:-1]])
    offsets = np.concatenate([[0], np.cumsum(counts[order])])
    moved = np.repeat(begins[order] - offsets[:-1], counts[order])
    moved += np.arange(offsets[-1])
    numbers = np.repeat(np.arange(len(order), dtype=np.uint32), keys.shape[1])
    pairs = keys[order].reshape(-1)
    by_key = np.argsort(pairs, kind="stable")  # numbers rise already
    return Part(pairs[by_key], numbers[by_key], offsets, grams[moved], doc_ids[order])


def _write(part: Part, folder: Path) -> dict[str, Any]:
    folder.mkdir(parents=True)
    files = {}
    for name in ARRAYS:
        path = folder / f"{name}.npy"
        np.save(path, getattr(part, name), allow_pickle=False)
        files[name] = {"size": path.stat().st_size, "checksum": checksum_range(str(path))}
    return files
