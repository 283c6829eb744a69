"""dedup.minhash: near-duplicates, found by MinHash and verified on the texts."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Literal, Self

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pydantic import ByteSize, Field, model_validator

from corpusforge.stage import CorpusKernel, CorpusStage, Example, Pass, attach, kept, reject, with_columns
from corpusforge.stages.dedup.components import component_passes
from corpusforge.stages.dedup.copies import Within, scopes
from corpusforge.stages.dedup.links import combine_links
from corpusforge.stages.dedup.rank import binary_bytes, doc_id_bytes, doc_id_strings, fixed_binary, keep_column, ranks

Joined = Mapping[str, pa.RecordBatch]
Unit = Literal["words", "characters"]

DEFAULT_BANDS, DEFAULT_ROWS = 24, 7
DEFAULT_PERMUTATIONS = 128  # datasketch's


class Minhash(CorpusStage):
    """Remove documents whose text is nearly that of a better-ranked document that stays.

    A text is the set of its n-grams of words (`unit: words`: lower-cased words of letters and digits; a letter of a
    script without spaces, Han, kana, Thai, Lao, Khmer, Burmese, is a word) or of characters (`unit: characters`: the
    same words with one space for all between them; 25 are about five English words). Documents are considered by rank,
    best first: source (`priority`, then the recipe's order), then `keep` ("longest": characters of text; "newest":
    `date`; or a column whose largest value is best), then doc_id. Two are candidates if one of their `bands` MinHash
    bands of `rows` values is equal and, with `within: source`, their source is. A document goes if and only if its
    similarity to a better-ranked candidate that stays is at least `verify`; the best-ranked of these is recorded. In
    each band only the first `max_keepers` documents that stay are consulted. So nothing is removed along a chain, and
    every removed text was compared with the text that stays. The result does not depend on how the work is split.

    `similarity` is "jaccard" (shared n-grams over all n-grams of both) or "containment" (over the removed text's
    n-grams), both 0..1. A document with fewer than `ngram` words (or characters) is one n-gram of all it has. One
    without words (null, empty, punctuation) takes no part and is kept, as is one that an earlier stage rejected.

    Five letters are to Chinese and Japanese pages what five words are to English ones: with the same share of bytes
    changed, similarity falls to 0.79 and 0.83, and that of unlike pages is below 0.04. Thai and Khmer pages fall to
    0.94 only: there `ngram: 12` (0.87) is as strict (measured, tests/benchmarks/measure_ngram_languages.py).

    Candidates are found with chance 1 - (1 - s**rows)**bands. With the default 24 bands of 7 that is 0.997 at a Jaccard
    similarity s of 0.8, 0.87 at 0.7, 0.17 at 0.5; the 14 bands of 8 of other tools find 0.92 at 0.8. Instead of both,
    `threshold` gives the bands and rows that datasketch.MinHashLSH takes for it, from `permutations` (default 128)
    hashes; 0.8 means 9 bands of 13, which find 0.40 of what is 0.8 alike: take it some 0.15 below `verify`.

    Connected components of candidates only place the work. They are not broken up, however large: one component is
    decided by one worker, in bounded memory (`keeper_bytes` of n-grams, beyond that a scratch file beside the run's
    work). 50,000 unlike pages of one template, 100 MB, are one component: 9 CPU s, in proportion to pages (measured).

    Reads: text, doc_id, source, and the column of `keep`.
    Writes: cluster_id (string; smallest doc_id of the component; null outside any), cluster_size (int64; 1 outside).
    Rejects: near_duplicate (value: similarity; detail: doc_id of the text that stays).
    Cost: 0.015 CPU s per MB, of which 0.005 are the words, which earlier stages share (measured, one core, 57 MB, 25 %
    of the documents in components); 36 bytes x bands per document in the first exchange.
    Errors: RecipeError when the column of `keep` is no number, boolean, date or time, or bands and threshold are given.
    Source: Broder 1997; Lee et al. 2022 (arXiv:2107.06499), appendix A. They remove all but one document of a connected
    component; here each removal is verified against a text that stays.

    >>> from corpusforge.testing import judge
    >>> judge(Minhash(), "One short text, and no more.", "one short text and no more", "Another text.")
    [None, 'near_duplicate', None]
    """

    reads = ("doc_id", "text", "source")
    writes = {"cluster_id": pa.string(), "cluster_size": pa.int64()}
    reasons = ("near_duplicate",)
    version = 2
    memory_bytes = 1 << 30

    ngram: int = Field(5, ge=1)  # words or characters
    unit: Unit = "words"
    bands: int | None = Field(None, ge=1)  # 24, unless `threshold` decides
    rows: int | None = Field(None, ge=1)  # MinHash values of a band: 7, unless `threshold` decides
    threshold: float | None = Field(None, gt=0, lt=1)  # similarity about which bands and rows err least
    permutations: int | None = Field(None, ge=2, le=1024)  # most values that `threshold` may use: 128
    verify: float = Field(0.8, ge=0, le=1)  # least similarity of a text that goes
    similarity: Literal["jaccard", "containment"] = "jaccard"
    within: Within = "corpus"  # source: documents of two sources are never compared
    keep: str = "longest"  # longest, newest, or a column
    priority: tuple[str, ...] = ()  # sources, best first; the others follow in the recipe's order
    max_keepers: int = Field(64, ge=1)  # documents consulted in a band
    keeper_bytes: ByteSize = ByteSize(512_000_000)
    max_source_loss: float = Field(0.5, ge=0, le=1)  # the run stops when a source would lose more documents
    seed: int = Field(1, ge=0, lt=1 << 32)

    @model_validator(mode="before")
    @classmethod
    def _default_bands(cls, given: Any) -> Any:
        # Filled in here, so that a resolved recipe says them.
        if isinstance(given, Mapping) and given.get("threshold") is None:
            defaults = {"bands": DEFAULT_BANDS, "rows": DEFAULT_ROWS}
            given = defaults | {name: value for name, value in given.items() if value is not None}
        return given

    @model_validator(mode="after")
    def _bands_or_threshold(self) -> Self:
        if self.threshold is not None and (self.bands is not None or self.rows is not None):
            raise ValueError("threshold decides bands and rows: give either it or them")
        if self.permutations is not None and self.threshold is None:
            raise ValueError("permutations is what threshold may use: give threshold too, or bands and rows instead")
        return self

    def banding(self) -> tuple[int, int]:
        """Return bands and rows as given, as `threshold` makes them, or the defaults."""
        if self.bands is not None and self.rows is not None:
            return self.bands, self.rows
        assert self.threshold is not None  # else the defaults are filled in
        from corpusforge.stages.dedup.signature import optimal_bands

        return optimal_bands(self.threshold, self.permutations or DEFAULT_PERMUTATIONS)

    def columns_read(self) -> tuple[str, ...]:
        """The core columns and the column of `keep`."""
        return tuple(dict.fromkeys((*self.reads, keep_column(self.keep))))

    def passes(self) -> tuple[Pass, ...]:
        """Band keys to links, links to components, components to decisions."""
        return (
            Pass("link", self._sign, "key", ("doc_id",), combine_links),
            *component_passes("link"),
            Pass(
                "decide",
                self._gather,
                "key",
                ("component", "place", "rank"),
                self._decide,
                join=("labels", "link"),
                to="findings",
                compress=True,
            ),
        )

    def open_corpus(self, artifacts: Mapping[str, Path]) -> CorpusKernel:
        """Write clusters and rejections."""

        def kernel(batch: pa.RecordBatch, findings: pa.RecordBatch) -> pa.RecordBatch:
            rows = batch.num_rows
            if not findings.num_rows:
                alone = pa.array(np.ones(rows, np.int64))
                return with_columns(batch, cluster_id=pa.nulls(rows, pa.string()), cluster_size=alone)
            found = attach(batch, findings)
            size = pc.fill_null(found.column("size"), 1)
            batch = with_columns(batch, cluster_id=_hex(found.column("cluster")), cluster_size=size)
            keeper = _hex(found.column("keeper"))
            return reject(batch, keeper.is_valid(), "near_duplicate", value=found.column("similarity"), detail=keeper)

        return kernel

    def _sign(self, batch: pa.RecordBatch, joined: Joined) -> pa.RecordBatch | None:
        from corpusforge.stages.dedup.signature import band_keys, permutations, signatures
        from corpusforge.text import segment
        from corpusforge.text.shingles import shingles_of

        bands, rows = self.banding()
        grams = shingles_of(segment(batch.column("text")), self.ngram, self.unit)
        part = np.flatnonzero((np.diff(grams.offsets) > 0) & kept(batch))
        if not len(part):
            return None
        signature = signatures(grams, *permutations(bands * rows, self.seed))
        keys = band_keys(signature[part], bands, rows)
        if self.within == "source":
            keys ^= scopes(batch, "source")[part, None]
        repeated = np.repeat(part, bands)
        columns = {
            "key": pa.array(keys.reshape(-1)),
            "doc_id": fixed_binary(doc_id_bytes(batch.column("doc_id"))[repeated]),
            "split": batch.column("split").take(pa.array(repeated)),
            "row": batch.column("row").take(pa.array(repeated)),
        }
        return pa.RecordBatch.from_pydict(columns)

    def _gather(self, batch: pa.RecordBatch, joined: Joined) -> pa.RecordBatch | None:
        labels, links = joined["labels"], joined["link"]
        if not labels.num_rows:
            return None
        row = np.asarray(batch.column("row"))
        place = np.searchsorted(row, np.asarray(labels.column("row")))
        documents = batch.take(pa.array(place))
        component = binary_bytes(labels.column("component"))
        gathered = {
            "key": _first_word(component),
            "component": labels.column("component"),
            "place": pa.array(np.ones(len(place), np.uint8)),
            "rank": ranks(documents, self.keep, self.priority),
            "split": documents.column("split"),
            "row": documents.column("row"),
            "size": labels.column("size"),
            "keys": _keys_of(np.asarray(labels.column("row")), links),
            "text": documents.column("text"),
        }
        rows = pa.RecordBatch.from_pydict(gathered)
        # The least document of a component also stands for its header: the number of documents, before them all.
        headers = rows.take(pa.array(np.flatnonzero(np.asarray(labels.column("size")))))
        empty = headers.num_rows
        headers = with_columns(
            headers,
            place=pa.array(np.zeros(empty, np.uint8)),
            keys=pa.array([b""] * empty, pa.binary()),
            text=pa.array([""] * empty, pa.large_string()),
        )
        return pa.concat_batches([headers, rows])

    def _decide(self, batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        from corpusforge.stages.dedup.decide import Rule, decide

        containment = self.similarity == "containment"
        rule = Rule(self.ngram, self.unit, self.verify, containment, self.max_keepers, int(self.keeper_bytes))
        return decide(batches, rule)

    @classmethod
    def examples(cls, folder: Path) -> tuple[Example, ...]:
        """A text, a shorter near-copy of it, and another text."""
        story = " ".join(f"On day {i} the fox met animal number {i}." for i in range(20))
        copy = story.removesuffix(" animal number 19.")
        return (
            Example(cls(), {"text": story}, None, {"cluster_size": 2}),
            Example(cls(), {"text": copy}, "near_duplicate", {"cluster_size": 2}),
            Example(cls(), {"text": "Nothing here is like the rest."}, None, {"cluster_id": None, "cluster_size": 1}),
        )


def _first_word(values: np.ndarray) -> pa.Array:
    return pa.array(np.ascontiguousarray(values[:, :8]).view(">u8").reshape(-1).astype(np.uint64))


def _hex(ids: pa.FixedSizeBinaryArray) -> pa.Array:
    return pc.if_else(ids.is_valid(), doc_id_strings(binary_bytes(ids)), pa.scalar(None, pa.string()))


def _keys_of(rows: np.ndarray, links: pa.RecordBatch) -> pa.Array:
    # the shared keys of each of `rows` (ascending), 8 bytes each
    link_rows = np.asarray(links.column("row"))
    keys = np.asarray(links.column("shared"))[np.lexsort([np.asarray(links.column("shared")), link_rows])]
    bounds = np.append(np.searchsorted(link_rows, rows), len(link_rows)) * 8
    offsets = pa.py_buffer(bounds.astype(np.int32))
    return pa.Array.from_buffers(pa.binary(), len(rows), [None, offsets, pa.py_buffer(keys)])
