"""dedup.decontaminate: overlap of training texts with evaluation sets."""

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from pydantic import Field, field_validator

from corpusforge.stage import Example, Kernel, Stage, reject


class Decontaminate(Stage):
    """Reject documents that hold text of an evaluation set.

    A document goes when at least `min_hits` different n-grams of evaluation items occur in it. n-grams are runs of
    `ngram` lower-cased words, whatever stands between them (a letter of a script without spaces is a word). An item is
    all its strings, or those of `fields`, joined in order. A field or an item of `min_words` to `ngram` - 1 words is
    one n-gram, whole; a shorter field is found only as part of its item, and an item without any n-gram is ignored. An
    n-gram that is in more than `max_items` items of one file is the set's boilerplate (instructions, test harness) and
    is left out; a passage that several questions share stays in. An n-gram must hold `min_distinct_words` different
    words that are neither numbers nor single letters: counting ("1 2 3 ..."), tables of zeros and the like stand in
    any text (without this, 6 of 6 rejections on 32 MB of web, books and code were such runs). Null and empty texts are
    kept.

        - dedup.decontaminate: {against: ["evals/*.jsonl.gz", "evals/*.parquet"], fields: [question, answer]}

    Reads: text.   Writes: nothing.
    Rejects: contaminated (value: how many different n-grams; detail: FILE#ITEM, the item that has most of them, items
    counted from 0).
    Cost: 0.008 CPU s per MB on top of the words, which other stages share (measured, one core, 1.1 million n-grams); 1
    second to index 12 MB of evaluation items, 20 bytes per n-gram in each worker.
    Errors: RecipeError for a pattern without files, another format, a line that is no JSON, a field no item has.
    Source: Brown et al. 2020 (GPT-3), appendix C: 13-grams. They leave out n-grams found in more than 10 training
    documents and cut the text around a hit; here n-grams common in the evaluation set are left out, and documents go
    whole.
    """

    reasons = ("contaminated",)
    memory_bytes = 256 << 20

    against: tuple[str, ...] = Field(min_length=1)  # files or glob patterns: JSONL (.gz, .zst), Parquet
    fields: tuple[str, ...] = ()  # of an item, a dot leads into an object; default: every string
    ngram: int = Field(13, ge=1)  # words
    min_words: int = Field(8, ge=1)  # of a field or item that counts whole
    min_hits: int = Field(1, ge=1)  # different n-grams
    min_distinct_words: int = Field(4, ge=0)  # in an n-gram; at most min_words are asked for
    max_items: int = Field(20, ge=1)  # of one file that may share an n-gram

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

    def files(self) -> tuple[str, ...]:
        """The evaluation files that `against` matches, sorted."""
        from corpusforge.stages.dedup.evals import find_evals

        return find_evals(self.against)

    def open(self) -> Kernel:
        """Index the evaluation files."""
        from corpusforge.stages.dedup.overlap import build_index, search
        from corpusforge.text import segment

        index = build_index(
            self.files(), self.fields, self.ngram, self.min_words, self.min_distinct_words, self.max_items
        )

        def kernel(batch: pa.RecordBatch) -> pa.RecordBatch:
            documents, places = search(index, segment(batch.column("text")).words)
            hits = np.bincount(documents, minlength=batch.num_rows)
            details: list[str | None] = [None] * batch.num_rows
            for document, item in _main_items(documents, index.owners[places]):
                details[document] = index.label(item)
            return reject(
                batch, hits >= self.min_hits, "contaminated", value=hits, detail=pa.array(details, pa.string())
            )

        return kernel

    @classmethod
    def examples(cls, folder: Path) -> tuple[Example, ...]:
        """A text that quotes a question, and one that does not."""
        question = "If a train leaves at noon and another one at three, when do they meet on the way?"
        path = folder / "questions.jsonl"
        path.write_text(f'{{"question": "Too short."}}\n{{"question": "{question}", "answer": "At five."}}\n')
        stage = cls(against=(str(path),))
        quote = f"Puzzles of the week. {question.upper()} Send us a card."
        return (
            Example(
                stage, {"text": quote}, "contaminated", {"rejected_detail": "questions.jsonl#1", "rejected_value": 6}
            ),
            Example(stage, {"text": "A train leaves at noon and another one at three."}, None),
        )


def _main_items(documents: np.ndarray, items: np.ndarray) -> list[tuple[int, int]]:
    # for each document the item it hits most, the first of equals
    pairs, counts = np.unique(np.stack([documents, items]), axis=1, return_counts=True)
    order = np.lexsort([pairs[1], -counts, pairs[0]])
    ordered = pairs[:, order]
    first = np.ones(ordered.shape[1], bool)
    first[1:] = ordered[0, 1:] != ordered[0, :-1]
    return list(zip(ordered[0, first].tolist(), ordered[1, first].tolist(), strict=True))
