"""dedup.substrings: long passages that occur word for word elsewhere in the corpus."""

from collections.abc import Mapping
from pathlib import Path
from typing import ClassVar

import numpy as np
import pyarrow as pa
from pydantic import Field

from corpusforge.stage import CorpusKernel, CorpusStage, Example, Pass, kept, reject, with_columns
from corpusforge.stages.dedup.copies import Within, scopes
from corpusforge.stages.dedup.rank import keep_column, ranks

Joined = Mapping[str, pa.RecordBatch]


class Substrings(CorpusStage):
    """Remove passages of at least `min_words` words that occur again in the corpus; the best-ranked copy stays.

    Every run of `min_words` words that stands, word for word, in a better-ranked place (source priority, then `keep`,
    then doc_id, then place in the document) goes; overlapping runs go as one passage, of any length. Words are compared
    in lower case whatever stands between them (a letter of a script without spaces is a word), by 128-bit digests of
    their 64-bit hashes. No repeated run is missed, and none goes that is not repeated but for equal digests of other
    words. Of a text that says one thing over and over, its first period stays. Nothing depends on reading order.

    Texts are cut at words, never inside a character; of the gaps around a hole one stays. A text of which nothing is
    left is rejected, and one that lost more than `max_removed_fraction` of its words. A text of fewer than `min_words`
    words takes no part; null and empty texts are left alone.

    How: of all runs of words only fingerprints are exchanged (winnowing, about 4 / `min_words` of them); around those
    that occur twice every run is, and what occurs twice goes.

    Reads: text, doc_id, source (and the column `keep` names).
    Writes: text; words_removed (int32).
    Rejects: no_text_left; removed_fraction_above_max (value: share of the words that went, 0..1).
    Cost: 0.045 CPU s per MB (measured, one core, 52 MB of mixed text of which 7 % went); 0.3 bytes of exchange per byte
    of text, and 62 for every word in a repeated run (put dedup.exact and dedup.minhash before it).
    Errors: RecipeError when `keep` names a column that cannot be ordered.
    Source: Lee et al. 2022 (arXiv:2107.06499), section 4.1, ExactSubstr: 50 tokens by a suffix array. That takes 0.07
    CPU s and 5 MB of memory per MB to build (libdivsufsort, measured) and sees what is on one machine. Fingerprints:
    Schleimer, Wilkerson, Aiken 2003 (winnowing).

    >>> from corpusforge.testing import docs, run_stage
    >>> pages = docs("One: we sailed out at dawn, all of us.", "Two. We sailed out at dawn! Nobody came back.")
    >>> run_stage(Substrings(min_words=5), pages)["text"].to_pylist()
    ['One: all of us.', 'Two. We sailed out at dawn! Nobody came back.']
    """

    reads: ClassVar[tuple[str, ...]] = ("text", "doc_id", "source")
    writes: ClassVar[Mapping[str, pa.DataType]] = {"text": pa.large_string(), "words_removed": pa.int32()}
    reasons: ClassVar[tuple[str, ...]] = ("no_text_left", "removed_fraction_above_max")

    min_words: int = Field(50, ge=2)
    max_removed_fraction: float = Field(1.0, ge=0, le=1)  # of a text's words
    within: Within = "corpus"
    keep: str = "longest"
    priority: tuple[str, ...] = ()  # sources, best first; default: the recipe's order

    def columns_read(self) -> tuple[str, ...]:
        """The text, and what ranks it."""
        return tuple(dict.fromkeys((*self.reads, keep_column(self.keep))))

    def passes(self) -> tuple[Pass, ...]:
        """Fingerprints that occur twice, then the runs around them."""
        from corpusforge.stages.dedup.repeats import combine_repeats

        twice = combine_repeats(2, keep_first=False, digest=("hash",))
        again = combine_repeats(2, keep_first=True)
        order = ("rest", "rank", "piece")
        return (
            Pass("fingerprints", self._fingerprints, "hash", ("split", "row", "piece"), twice),
            Pass("runs", self._runs, "hash", order, again, join=("fingerprints",), to="findings"),
        )

    def _fingerprints(self, batch: pa.RecordBatch, _: Joined) -> pa.RecordBatch | None:
        from corpusforge.stages.dedup.winnow import fingerprints
        from corpusforge.text import segment

        words = segment(batch.column("text")).words
        places, hashes, _k = fingerprints(words.offsets, words.hashes, self.min_words)
        document = np.searchsorted(words.offsets, places, side="right") - 1
        wanted = kept(batch)[document]
        places, hashes, document = places[wanted], hashes[wanted], document[wanted]
        if not len(places):
            return None
        rows = pa.array(document)
        return pa.RecordBatch.from_pydict(
            {
                "hash": pa.array(hashes ^ scopes(batch, self.within)[document]),
                "piece": pa.array((places - words.offsets[document]).astype(np.uint32)),
                "split": batch.column("split").take(rows),
                "row": batch.column("row").take(rows),
            }
        )

    def _runs(self, batch: pa.RecordBatch, joined: Joined) -> pa.RecordBatch | None:
        from corpusforge.stages.dedup.winnow import spans
        from corpusforge.text import segment

        twice = joined["fingerprints"]
        if not twice.num_rows:
            return None
        words = segment(batch.column("text")).words
        chosen = _places(twice, batch.column("row"), words.offsets)
        places, digests = spans(words.offsets, words.hashes, self.min_words, chosen)
        document = np.searchsorted(words.offsets, places, side="right") - 1
        rows = pa.array(document)
        return pa.RecordBatch.from_pydict(
            {
                "hash": pa.array(digests[:, 0] ^ scopes(batch, self.within)[document]),
                "rest": pa.array(digests[:, 1]),
                "rank": ranks(batch, self.keep, self.priority).take(rows),
                "piece": pa.array((places - words.offsets[document]).astype(np.uint32)),
                "split": batch.column("split").take(rows),
                "row": batch.column("row").take(rows),
            }
        )

    def open_corpus(self, artifacts: Mapping[str, Path]) -> CorpusKernel:
        """Return the kernel that cuts the passages out."""
        from corpusforge.stages.dedup.holes import covered, without_words
        from corpusforge.text import segment

        def kernel(batch: pa.RecordBatch, findings: pa.RecordBatch) -> pa.RecordBatch:
            if not findings.num_rows:
                return with_columns(batch, words_removed=pa.array(np.zeros(batch.num_rows, np.int32)))
            words = segment(batch.column("text")).words
            begins = _places(findings, batch.column("row"), words.offsets)
            gone = covered(words, begins, begins + self.min_words)
            removed = words.sum(gone)
            text = without_words(batch.column("text"), words, gone)
            batch = with_columns(batch, text=text, words_removed=pa.array(removed.astype(np.int32)))
            lost = removed / np.maximum(words.counts, 1)
            batch = reject(batch, (removed > 0) & (removed == words.counts), self.reasons[0])
            return reject(batch, lost > self.max_removed_fraction, self.reasons[1], lost)

        return kernel

    @classmethod
    def examples(cls, folder: Path) -> tuple[Example, ...]:
        """A passage in three texts: the longest keeps it; one has nothing else, one has little else."""
        passage = " ".join(f"the {what} boat brought {n}" for n, what in enumerate("abcdefghij"))
        strict = cls(min_words=20, max_removed_fraction=0.9)
        return (
            Example(cls(), {"text": f"Long ago {passage} and more was to come, later."}, None, {"words_removed": 0}),
            Example(cls(), {"text": f"Today: {passage.upper()}!"}, None, {"text": "Today:", "words_removed": 50}),
            Example(cls(), {"text": passage}, "no_text_left"),
            Example(cls(), {"text": passage.removesuffix(" 9")}, None, {"words_removed": 0}),
            Example(strict, {"text": f"Long ago {passage}"}, None),
            Example(strict, {"text": f"So {passage}"}, "removed_fraction_above_max"),
        )


def _places(rows: pa.RecordBatch, documents: pa.Array, offsets: np.ndarray) -> np.ndarray:
    # (row, piece) as word numbers of the batch, sorted
    document = np.searchsorted(np.asarray(documents), np.asarray(rows.column("row")))
    return np.sort(offsets[document] + np.asarray(rows.column("piece")).astype(np.int64))
