"""Train a tokenizer on the corpus itself."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, ClassVar, Literal

import numpy as np
import orjson
import pyarrow as pa
import pyarrow.compute as pc
from pydantic import Field, field_validator, model_validator

from corpusforge.stage import CorpusKernel, CorpusStage, Example, Pass, kept

Weighted = tuple[tuple[str, float], ...]


class Train(CorpusStage):
    """Train a tokenizer on the words of the corpus and how often each occurs; documents pass unchanged.

    `model` is byte_bpe (byte-level BPE, a tokenizer.json), sentencepiece_bpe or sentencepiece_unigram (a .model with
    byte fallback). Words are counted exactly, whatever the number of splits and workers: for byte_bpe what `split`
    cuts a text into, the pattern of GPT-4 and Llama 3 (gpt4), or of gpt2, gpt4o, qwen2, deepseek; for SentencePiece
    what stands between white space. Each occurrence counts `source_weights` times `language_weights` (by name, 1 where
    none is given), sums are rounded to whole numbers. Beyond `max_words` words the rarest are left out, of equal ones
    the last in the order of bytes; how many is in the report. `sample_fraction` of the documents is used, those with
    the smallest XXH3-64 of (seed, doc_id).

    The vocabulary of byte_bpe is the special tokens, the 256 bytes, then the merges, each of which occurs at least
    `min_frequency` times, so it can be smaller than `vocab_size`; it is the one that HF tokenizers' BpeTrainer makes of
    the same words. SentencePiece takes `character_coverage` (fraction of the characters that get a piece of their own)
    and `normalization` (identity, nmt_nfkc, nfkc, nmt_nfkc_cf, nfkc_cf); its special tokens are control symbols after
    <unk>, <s> and </s>. A later `tokenize.encode: {tokenizer: NAME}` uses what is trained; OUTPUT/tokenizer holds it.

    Reads: text (source, language if weights are given for them).   Writes: nothing.   Rejects: nothing.
    Cost: byte_bpe 0.04 CPU s per MB, counting and 32,000 tokens from 57 MB of mixed text (HF's trainer 0.37; measured).
    Errors: ValidationError when `vocab_size` has no room for the bytes and the special tokens; RunError when
    SentencePiece makes no model of the words there are.
    Example:
        tokenize.train: {vocab_size: 32000, special_tokens: ["<|endoftext|>"], source_weights: {code: 0.3}}
    Source: Sennrich et al. 2016 (BPE), Radford et al. 2019 (byte level), Kudo 2018 (unigram), Kudo and Richardson 2018.
    """

    version: ClassVar[int] = 2
    depends: ClassVar[tuple[str, ...]] = ("tokenizers", "sentencepiece")
    costly: ClassVar[bool] = True
    memory_bytes: ClassVar[int] = 1 << 30

    name: str = "trained"
    model: Literal["byte_bpe", "sentencepiece_bpe", "sentencepiece_unigram"] = "byte_bpe"
    vocab_size: int = 32_000
    min_frequency: int = Field(2, ge=1)
    special_tokens: tuple[str, ...] = ("<|endoftext|>",)
    split: Literal["gpt4", "gpt2", "gpt4o", "qwen2", "deepseek"] = "gpt4"
    max_words: int = Field(5_000_000, ge=1)
    source_weights: Weighted = ()
    language_weights: Weighted = ()
    sample_fraction: float = Field(1.0, gt=0, le=1)
    seed: int = Field(0, ge=0, lt=1 << 64)
    character_coverage: float = Field(0.9995, gt=0, le=1)
    normalization: Literal["identity", "nmt_nfkc", "nfkc", "nmt_nfkc_cf", "nfkc_cf"] = "identity"

    @field_validator("source_weights", "language_weights", mode="before")
    @classmethod
    def _pairs(cls, value: Any) -> Any:
        return tuple(sorted(value.items())) if isinstance(value, Mapping) else value

    @model_validator(mode="after")
    def _has_room(self) -> "Train":
        least = 256 + len(set(self.special_tokens)) + (3 if self.model != "byte_bpe" else 0)
        if self.vocab_size < least:
            raise ValueError(f"vocab_size is {self.vocab_size}; the bytes and special tokens alone need {least}")
        for name, weight in (*self.source_weights, *self.language_weights):
            if not 0 <= weight <= 1000:
                raise ValueError(f"the weight of '{name}' is {weight}; weights are from 0 to 1000")
        return self

    def columns_read(self) -> tuple[str, ...]:
        """Return doc_id, text, and what the weights go by."""
        return (
            "doc_id",
            "text",
            *(["source"] if self.source_weights else []),
            *(["language"] if self.language_weights else []),
        )

    def passes(self) -> tuple[Pass, ...]:
        """Count words where equal ones meet; then bring the most frequent ones together, for a report and to train."""
        words = f"{self.name}.words"
        most: dict[str, Any] = {
            "source": words,
            "emit": self._emit_most,
            "key": "key",
            "order": ("low",),
            "combine": lambda batches: batches,
            "prune": self._prune_most,
            "to": "artifact",
        }
        return (
            Pass(
                name=words,
                emit=self._emit,
                key="key",
                order=("low",),
                combine=self._combine,
                prune=self._prune,
                compress=True,
            ),
            Pass(name=f"{self.name}.report", artifact=self._report, **most),
            Pass(name=self.name, artifact=self._train, **most),
        )

    def open_corpus(self, artifacts: Mapping[str, Path]) -> CorpusKernel:
        """Return the kernel that leaves documents as they are."""
        return lambda batch, findings: batch

    def artifacts_kept(self) -> Mapping[str, str]:
        """Return where in the output the tokenizer and the report of its training are put."""
        suffix = "json" if self.model == "byte_bpe" else "model"
        return {
            self.name: f"tokenizer/{self.name}.{suffix}",
            f"{self.name}.report": f"tokenizer/{self.name}.report.json",
        }

    def _emit(self, batch: pa.RecordBatch, joined: Mapping[str, pa.RecordBatch]) -> pa.RecordBatch | None:
        import xxhash

        from corpusforge.stages.tokenize.word_counts import count, weights

        numbers = weights(dict(self.source_weights), dict(self.language_weights)).of(batch)
        numbers[~kept(batch)] = 0
        if self.sample_fraction < 1:
            ids = (bytes.fromhex(one) for one in batch.column("doc_id").to_pylist())
            keys = np.fromiter((xxhash.xxh3_64_intdigest(one, self.seed) for one in ids), np.uint64, batch.num_rows)
            numbers[keys > np.uint64(self.sample_fraction * ((1 << 64) - 1))] = 0
        texts = pc.fill_null(batch.column("text").cast(pa.large_string()), "")
        if self.model == "byte_bpe":
            from corpusforge.stages.tokenize.byte_bpe import pre_tokens

            return count(pre_tokens(texts, self.split), numbers)
        from corpusforge.stages.tokenize.blank_words import blank_words

        return count(blank_words(texts), numbers)

    def _prune(self, run: pa.Table) -> pa.Table:
        from corpusforge.stages.tokenize.word_counts import added_up

        return added_up(run)

    def _prune_most(self, run: pa.Table) -> pa.Table:
        from corpusforge.stages.tokenize.word_counts import most_frequent

        return most_frequent(run, self.max_words)

    def _combine(self, batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        from corpusforge.stages.tokenize.word_counts import combined, weights

        return combined(batches, weights(dict(self.source_weights), dict(self.language_weights)).divisor)

    def _emit_most(self, batch: pa.RecordBatch, joined: Mapping[str, pa.RecordBatch]) -> pa.RecordBatch | None:
        from corpusforge.stages.tokenize.word_counts import with_totals

        return with_totals(batch.set_column(0, "key", pa.array(np.zeros(batch.num_rows, np.uint64))))

    def _report(self, batches: Iterator[pa.RecordBatch], path: Path) -> None:
        from corpusforge.stages.tokenize.word_counts import gathered

        words = gathered(batches, self.max_words)
        kept_words, kept_occurrences = len(words.words), int(words.counts.sum())
        report = {
            "words": words.distinct,
            "occurrences": words.occurrences,
            "bytes": int((pc.binary_length(words.words).to_numpy() * words.counts).sum()),
            "words_left_out": words.distinct - kept_words,
            "occurrences_left_out": words.occurrences - kept_occurrences,
            "least_count": int(words.counts[-1]) if kept_words else None,
        }
        path.write_bytes(orjson.dumps(report, option=orjson.OPT_INDENT_2))

    def _train(self, batches: Iterator[pa.RecordBatch], path: Path) -> None:
        from corpusforge.stages.tokenize.word_counts import gathered

        words = gathered(batches, self.max_words)
        if self.model == "byte_bpe":
            from corpusforge.stages.tokenize.byte_bpe import train

            found = train(words, self.vocab_size, self.min_frequency, self.special_tokens, self.split)
            path.write_text(found, encoding="utf-8")
            return
        from corpusforge.stages.tokenize.sentencepiece_trainer import train as train_sentencepiece

        train_sentencepiece(
            words,
            path,
            self.model.removeprefix("sentencepiece_"),
            self.vocab_size,
            self.special_tokens,
            self.character_coverage,
            self.normalization,
        )

    @classmethod
    def examples(cls, folder: Path) -> tuple[Example, ...]:
        """A small vocabulary; every document is kept."""
        small = cls(vocab_size=300)
        return (Example(small, {"text": "low lower lowest"}, None, {"text": "low lower lowest"}),)
