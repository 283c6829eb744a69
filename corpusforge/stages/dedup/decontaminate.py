"""dedup.decontaminate: overlap of training texts with evaluation sets."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pydantic import Field, field_validator

from corpusforge.stage import Example, Kernel, Stage, reject, with_columns

if TYPE_CHECKING:
    from corpusforge.text.words import Words


class Decontaminate(Stage):
    """Reject documents that hold text of an evaluation set, or cut that text out.

    `match: ngrams`: a document is contaminated when at least `min_hits` different n-grams of evaluation items occur in
    it. n-grams are runs of `ngram` lower-cased words, whatever stands between them (a letter of a script without spaces
    is a word). An item is all its strings, or those of `fields`, joined in order. A field or an item of `min_words` to
    `ngram` - 1 words is one n-gram, whole; a shorter field is found only as part of its item, and an item without any
    n-gram is ignored. An n-gram that is in more than `max_items` items of one file is the set's boilerplate
    (instructions, test harness) and is left out; a passage that several questions share stays in. An n-gram must hold
    `min_distinct_words` different words that are neither numbers nor single letters: counting ("1 2 3 ..."), tables of
    zeros and the like stand in any text (without this, 6 of 6 rejections on 32 MB of web, books and code were such
    runs).

    `match: alignment` also finds items with small edits. Passages (each field of at least `min_words` words, or the
    item where no field has as many; in pieces of at most 250 words) are aligned with the text around every rare run of
    `seed_words` words they share with it. The score is the weight of the passage's words that stand in the text in the
    same order, 0..1; words that many passages have weigh less. A document is contaminated when a passage scores at
    least `min_score`; passages below 50 words need more, those of 20 and fewer half of what is missing to 1.

    `action: cut` takes what was found out of the text instead, from the first word to the last (n-grams: every word of
    one), and leaves one gap; only texts with nothing left are rejected. Null and empty texts are kept.

        - dedup.decontaminate: {against: ["evals/*.jsonl.gz", "evals/*.csv"], fields: [question, answer]}

    Reads: text.
    Writes: contamination (string): FILE#ITEM, the item that has most n-grams or the best score, items counted from 0
    (where this stage finds nothing, what one before it wrote stays); text with `action: cut`.
    Rejects: contaminated (value: how many different n-grams, or the score; detail: FILE#ITEM); no_text_left.
    Cost: 0.008 CPU s per MB on top of the words, which other stages share; alignment 0.03 (measured, one core, 13,549
    items, 1.5 million n-grams); 2 s to index them, 20 bytes per n-gram in each worker. Indexing takes more for a while:
    0.7 GB and 6 CPU s for 62 MB of items, alignment 1.3 GB and 15 CPU s (measured), growing with the items alone.
    Errors: RecipeError for a pattern without files, another format, a line that is no JSON, a field no item has.
    Source: Brown et al. 2020 (GPT-3), appendix C: 13-grams. They leave out n-grams found in more than 10 training
    documents; here n-grams common in the evaluation set are left out. Alignment: own, after the idea of decon (AI2
    2025) to expand from rare n-grams and to weigh words by inverse document frequency.
    """

    writes: ClassVar[Mapping[str, pa.DataType]] = {"contamination": pa.string()}
    reasons: ClassVar[tuple[str, ...]] = ("contaminated", "no_text_left")
    version: ClassVar[int] = 3
    memory_bytes = 256 << 20

    against: tuple[str, ...] = Field(min_length=1)  # files or glob patterns: JSONL (.gz, .zst), Parquet, CSV
    fields: tuple[str, ...] = ()  # of an item, a dot leads into an object; default: every string
    match: Literal["ngrams", "alignment"] = "ngrams"
    action: Literal["reject", "cut"] = "reject"
    min_words: int = Field(8, ge=1)  # of a field or item that counts whole
    max_items: int = Field(20, ge=1)  # of one file that may share an n-gram or seed
    ngram: int = Field(13, ge=1)  # words
    min_hits: int = Field(1, ge=1)  # different n-grams
    min_distinct_words: int = Field(4, ge=0)  # in an n-gram; at most min_words are asked for
    seed_words: int = Field(5, ge=2)
    min_score: float = Field(0.7, gt=0, le=1)

    @field_validator("against", "fields", mode="before")
    @classmethod
    def _one_or_more(cls, value: Any) -> Any:
        return (value,) if isinstance(value, str) else value

    @field_validator("against", "fields")
    @classmethod
    def _not_blank(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        if not all(name.strip() for name in value):
            raise ValueError("an entry is blank")
        return value

    def columns_written(self) -> Mapping[str, pa.DataType]:
        """The item that was found, and the text if it is cut."""
        return {**self.writes, "text": pa.large_string()} if self.action == "cut" else self.writes

    def rejection_reasons(self) -> tuple[str, ...]:
        """What the action can say."""
        return self.reasons[1:] if self.action == "cut" else self.reasons[:1]

    def files(self) -> tuple[str, ...]:
        """The evaluation files that `against` matches, sorted."""
        from corpusforge.stages.dedup.evals import find_evals

        return find_evals(self.against)

    def open(self) -> Kernel:
        """Index the evaluation files."""
        from corpusforge.text import segment

        find = self._ngram_finder() if self.match == "ngrams" else self._aligner()

        def kernel(batch: pa.RecordBatch) -> pa.RecordBatch:
            words = segment(batch.column("text")).words
            found = find(words)
            labels = pa.array(found.labels, pa.string())
            said = labels
            at = batch.schema.get_field_index("contamination")
            if at >= 0 and batch.column(at).type == pa.string():  # by a stage before this one
                said = pc.coalesce(labels, batch.column(at))
            batch = with_columns(batch, contamination=said)
            if self.action == "reject":
                return reject(batch, labels.is_valid(), "contaminated", value=found.values, detail=labels)
            return _cut(batch, words, found)

        return kernel

    def _ngram_finder(self) -> "Callable[[Words], _Found]":
        from corpusforge.stages.dedup.overlap import build_index, once, search

        index = build_index(
            self.files(), self.fields, self.ngram, self.min_words, self.min_distinct_words, self.max_items
        )

        def find(words: "Words") -> _Found:
            documents, places, begins, ends = search(index, words)
            different, kinds = once(index, documents, places)
            hits = np.bincount(different, minlength=len(words.counts))
            labels: list[str | None] = [None] * len(hits)
            for document, item in _main_items(different, index.owners[kinds]):
                if hits[document] >= self.min_hits:
                    labels[document] = index.label(item)
            enough = hits[documents] >= self.min_hits
            return _Found(labels, hits, begins[enough], ends[enough])

        return find

    def _aligner(self) -> "Callable[[Words], _Found]":
        from corpusforge.stages.dedup.alignment import align, needed_score, read_passages

        passages = read_passages(self.files(), self.fields, self.seed_words, self.min_words, self.max_items)
        needed = needed_score(np.diff(passages.offsets), self.min_score)

        def find(words: "Words") -> _Found:
            found = align(passages, words)
            enough = found.scores >= needed[found.passages]
            labels: list[str | None] = [None] * len(words.counts)
            best = np.zeros(len(words.counts))
            order = np.lexsort([found.passages, -found.scores])
            for i in order[enough[order]].tolist():
                document = int(found.documents[i])
                if labels[document] is None:
                    labels[document] = passages.label(int(found.passages[i]))
                    best[document] = found.scores[i]
            return _Found(labels, best, found.begins[enough], found.ends[enough])

        return find

    @classmethod
    def examples(cls, folder: Path) -> tuple[Example, ...]:
        """A text that quotes a question, one that changes a word of it, and one that does neither."""
        question = "If a train leaves at noon and another one at three, when do they meet on the way?"
        path = folder / "questions.jsonl"
        path.write_text(f'{{"question": "Too short."}}\n{{"question": "{question}", "answer": "At five."}}\n')
        stage = cls(against=(str(path),))
        loose, cut = cls(against=(str(path),), match="alignment"), cls(against=(str(path),), action="cut")
        quote = f"Puzzles of the week. {question.upper()} Send us a card."
        changed = quote.replace("THREE", "FOUR")
        found = {"rejected_detail": "questions.jsonl#1", "contamination": "questions.jsonl#1"}
        return (
            Example(stage, {"text": quote}, "contaminated", {**found, "rejected_value": 6}),
            Example(stage, {"text": "A train leaves at noon and another one at three."}, None),
            Example(stage, {"text": changed}, None),
            Example(loose, {"text": changed}, "contaminated", found),
            Example(loose, {"text": "A train leaves at noon and another one at three."}, None),
            Example(cut, {"text": quote}, None, {"text": "Puzzles of the week. Send us a card."}),
            Example(cut, {"text": question}, "no_text_left"),
        )


class _Found(NamedTuple):
    """What was found: for each document the item and a number, and all found runs of words in the batch."""

    labels: list[str | None]
    values: np.ndarray
    begins: np.ndarray
    ends: np.ndarray


def _cut(batch: pa.RecordBatch, words: "Words", found: _Found) -> pa.RecordBatch:
    from corpusforge.stages.dedup.holes import covered, without_words

    gone = covered(words, found.begins, found.ends)
    removed = words.sum(gone)
    if not removed.any():
        return batch
    batch = with_columns(batch, text=without_words(batch.column("text"), words, gone))
    nothing = (removed == words.counts) & (removed > 0)
    return reject(batch, nothing, "no_text_left", detail=batch.column("contamination"))


def _main_items(documents: np.ndarray, items: np.ndarray) -> list[tuple[int, int]]:
    # for each document the item it hits most, the first of equals
    pairs, counts = np.unique(np.stack([documents, items]), axis=1, return_counts=True)
    order = np.lexsort([pairs[1], -counts, pairs[0]])
    ordered = pairs[:, order]
    first = np.ones(ordered.shape[1], bool)
    first[1:] = ordered[0, 1:] != ordered[0, :-1]
    return list(zip(ordered[0, first].tolist(), ordered[1, first].tolist(), strict=True))
