"""dedup.sentences: runs of sentences that occur again anywhere in the corpus."""

from collections.abc import Mapping
from pathlib import Path
from typing import ClassVar, Literal

import numpy as np
import pyarrow as pa
from pydantic import Field

from corpusforge.stage import CorpusKernel, CorpusStage, Example, Pass, reject, with_columns
from corpusforge.stages.dedup.copies import Within
from corpusforge.stages.dedup.rank import keep_column


class Sentences(CorpusStage):
    """Remove runs of sentences that occur again in the corpus; the best-ranked copy stays.

    Every `span` consecutive sentences of a text are one run; a run that occurs elsewhere in a better-ranked place
    (source priority, then `keep`, then doc_id, then place in the document) goes with all its sentences. Runs are
    compared in lower case, digits as 0, one space for whatever stands between words (`compare: text`: as they stand),
    by 128-bit hashes. Nothing depends on reading order. Sentences are those of UAX #29, of any language (a line break
    ends one); what stands between those that stay is kept. A text with fewer than `span` sentences takes no part.

    A text that lost sentences is rejected when less than `min_words` or `min_sentences` is left, or nothing. Null and
    empty texts are left alone.

    Reads: text, doc_id, source (and the column `keep` names).
    Writes: text; sentences_removed (int32).
    Rejects: no_text_left; sentence_count_below_min, word_count_below_min (value: how many are left).
    Cost: 0.02 CPU s per MB (measured, one core, 52 MB of mixed text); 62 bytes of exchange per sentence.
    Errors: RecipeError when `keep` names a column that cannot be ordered.
    Source: Raffel et al. 2020 (T5), section 2.2: "all but one of any three-sentence span". As datatrove 0.10's sentence
    deduplication, which cuts English by spaCy, compares without accents, and lets file order decide which copy stays.

    >>> from corpusforge.testing import docs, run_stage
    >>> news = "Rain came in. The ferry stopped. Nobody minded much."
    >>> pages = docs(f"{news} It was a long and quiet day.", f"Read on! {news}")
    >>> run_stage(Sentences(min_words=1, min_sentences=1), pages)["text"].to_pylist()
    ['Rain came in. The ferry stopped. Nobody minded much. It was a long and quiet day.', 'Read on!']
    """

    reads: ClassVar[tuple[str, ...]] = ("text", "doc_id", "source")
    writes: ClassVar[Mapping[str, pa.DataType]] = {"text": pa.large_string(), "sentences_removed": pa.int32()}
    reasons: ClassVar[tuple[str, ...]] = ("no_text_left", "sentence_count_below_min", "word_count_below_min")

    span: int = Field(3, ge=1)  # sentences
    compare: Literal["text", "words"] = "words"
    min_chars: int = Field(1, ge=1)  # of a run, in the form that is compared
    min_count: int = Field(2, ge=2)
    min_words: int = Field(50, ge=0)  # of a text that lost sentences
    min_sentences: int = Field(3, ge=0)  # of a text that lost sentences
    within: Within = "corpus"
    keep: str = "longest"
    priority: tuple[str, ...] = ()  # sources, best first; default: the recipe's order

    def columns_read(self) -> tuple[str, ...]:
        """The text, and what ranks it."""
        return tuple(dict.fromkeys((*self.reads, keep_column(self.keep))))

    def passes(self) -> tuple[Pass, ...]:
        """One pass: equal runs meet, those that go are found."""
        from corpusforge.stages.dedup.repeats import combine_repeats

        combine = combine_repeats(self.min_count, keep_first=True)
        return (Pass("same", self._emit, "hash", ("rest", "rank", "piece"), combine, to="findings"),)

    def _emit(self, batch: pa.RecordBatch, _: Mapping[str, pa.RecordBatch]) -> pa.RecordBatch | None:
        from corpusforge.stages.dedup.repeats import piece_rows

        return piece_rows(
            batch, "sentence", self.compare, self.span, self.min_chars, self.within, self.keep, self.priority
        )

    def open_corpus(self, artifacts: Mapping[str, Path]) -> CorpusKernel:
        """Return the kernel that takes the sentences out."""
        from corpusforge.stages.dedup.repeats import cut, gone_pieces, remove
        from corpusforge.text import segment

        def kernel(batch: pa.RecordBatch, findings: pa.RecordBatch) -> pa.RecordBatch:
            text = segment(batch.column("text"))
            pieces = cut(text, "sentence")
            gone = gone_pieces(findings, batch.column("row"), pieces, self.span)
            removed = pieces.sum(gone)
            batch = with_columns(batch, sentences_removed=pa.array(removed.astype(np.int32)))
            if not gone.any():
                return batch
            batch = with_columns(batch, text=remove(batch.column("text"), pieces, gone))
            left, sentences = segment(batch.column("text")), pieces.counts - removed
            changed = removed > 0
            batch = reject(batch, changed & (left.lengths_bytes == 0), self.reasons[0])
            batch = reject(batch, changed & (sentences < self.min_sentences), self.reasons[1], sentences)
            return reject(batch, changed & (left.words.counts < self.min_words), self.reasons[2], left.words.counts)

        return kernel

    @classmethod
    def examples(cls, folder: Path) -> tuple[Example, ...]:
        """A passage that three texts share: the longest keeps it, of the others too little is left."""
        passage = "Rain came in. The ferry stopped. Nobody minded much."
        story = " ".join(f"On day {n} the {what} boat brought letters." for n, what in enumerate("abcdefghij"))
        mild = cls(min_words=2, min_sentences=1)
        return (
            Example(cls(), {"text": f"{story} {passage}"}, None, {"sentences_removed": 0}),
            Example(cls(), {"text": passage}, "no_text_left", {"sentences_removed": 3}),
            Example(cls(), {"text": f"{passage} A quiet day."}, "sentence_count_below_min"),
            Example(cls(), {"text": f"{passage} Calm again. It ended. Good night."}, "word_count_below_min"),
            Example(cls(), {"text": "Rain came in. The ferry stopped. Nobody laughed."}, None),
            Example(mild, {"text": f"{passage} It was a long day."}, None),
            Example(mild, {"text": f"Read on! {passage}"}, None, {"text": "Read on!"}),
        )
