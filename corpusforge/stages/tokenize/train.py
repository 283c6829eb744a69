"""Train a tokenizer on a sample of the corpus itself."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import ClassVar, Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pydantic import ByteSize, Field, model_validator

from corpusforge.stage import CorpusKernel, CorpusStage, Example, Pass, kept


class Train(CorpusStage):
    """Train a byte-level BPE tokenizer on a sample of the corpus; documents pass unchanged.

    The sample holds the documents with the smallest XXH3-64 of (seed, doc_id) until `sample_bytes` of text, the last
    one cut to fit, so it depends on neither splits nor workers. `split` names the pre-tokenizer: the pattern of GPT-4
    and Llama 3 (digits in threes, line feeds apart) or of GPT-2. The vocabulary is the special tokens, the 256 bytes,
    then the merges, each of which occurs at least `min_frequency` times, so it can be smaller than `vocab_size`. A
    later `tokenize.encode: {tokenizer: NAME}` uses it. Null and empty texts are not sampled.

    Reads: text.   Writes: nothing.   Rejects: nothing.
    Cost: 0.35 CPU s per MB of sample at 32,000 tokens, one thread; sampling 0.005 CPU s per MB of corpus (measured).
    Errors: ValidationError when `vocab_size` has no room for the bytes and the special tokens.
    Example:
        tokenize.train: {vocab_size: 32000, special_tokens: ["<|endoftext|>"]}
    Source: Sennrich et al. 2016 (BPE), Radford et al. 2019 (byte level).
    """

    reads: ClassVar[tuple[str, ...]] = ("doc_id", "text")
    version: ClassVar[int] = 1
    depends: ClassVar[tuple[str, ...]] = ("tokenizers",)
    costly: ClassVar[bool] = True
    memory_bytes: ClassVar[int] = 512 << 20

    name: str = "trained"
    vocab_size: int = 32_000
    min_frequency: int = Field(2, ge=1)
    special_tokens: tuple[str, ...] = ("<|endoftext|>",)
    split: Literal["gpt4", "gpt2"] = "gpt4"
    sample_bytes: ByteSize = ByteSize(64 << 20)
    seed: int = Field(0, ge=0, lt=1 << 64)

    @model_validator(mode="after")
    def _has_room(self) -> "Train":
        least = 256 + len(set(self.special_tokens))
        if self.vocab_size < least:
            raise ValueError(f"vocab_size is {self.vocab_size}; the bytes and special tokens alone need {least}")
        return self

    def passes(self) -> tuple[Pass, ...]:
        """One pass: the sampled texts, in the order of their hash, into the trainer."""
        return (
            Pass(
                name=self.name,
                emit=self._emit,
                key="key",
                order=("id",),
                combine=self._combine,
                to="artifact",
                prune=self._prune,
                artifact=self._train,
                compress=True,
            ),
        )

    def open_corpus(self, artifacts: Mapping[str, Path]) -> CorpusKernel:
        """Return the kernel that leaves documents as they are."""
        return lambda batch, findings: batch

    def _emit(self, batch: pa.RecordBatch, joined: Mapping[str, pa.RecordBatch]) -> pa.RecordBatch | None:
        import xxhash

        filled = pc.fill_null(pc.greater(pc.binary_length(batch.column("text")), 0), False)
        sampled = batch.select(["doc_id", "text"]).filter(pc.and_(filled, pa.array(kept(batch))))
        if not sampled.num_rows:
            return None
        ids = [bytes.fromhex(one) for one in sampled.column("doc_id").to_pylist()]
        keys = np.array([xxhash.xxh3_64_intdigest(one, self.seed) for one in ids], np.uint64)
        return pa.record_batch({"key": keys, "id": pa.array(ids, pa.binary(16)), "text": sampled.column("text")})

    def _prune(self, run: pa.Table) -> pa.Table:
        return run.slice(0, _rows_within(run.column("text"), self.sample_bytes))

    def _combine(self, batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        left = int(self.sample_bytes)
        for batch in batches:
            texts = batch.column("text")
            texts = texts.slice(0, _rows_within(texts, left))
            over = pc.sum(pc.binary_length(texts)).as_py() - left
            if over > 0:
                last = texts[-1].as_py().encode()[:-over].decode("utf-8", "ignore")
                texts = pa.concat_arrays([texts.slice(0, len(texts) - 1), pa.array([last], texts.type)])
            yield pa.record_batch({"text": texts})
            left = -over
            if left <= 0:
                return

    def _train(self, batches: Iterator[pa.RecordBatch], path: Path) -> None:
        from corpusforge.stages.tokenize.encoder import one_thread

        one_thread()
        from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers, trainers

        from corpusforge.stages.tokenize.patterns import CL100K

        tokenizer = Tokenizer(models.BPE())
        if self.split == "gpt2":
            tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
        else:
            tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
                [
                    pre_tokenizers.Split(Regex(CL100K), "isolated"),
                    pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
                ]
            )
        tokenizer.decoder = decoders.ByteLevel()
        trainer = trainers.BpeTrainer(
            vocab_size=self.vocab_size,
            min_frequency=self.min_frequency,
            special_tokens=list(self.special_tokens),
            initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
            show_progress=False,
        )
        # The trainer counts words, breaks ties by token id and sorts the alphabet: equal texts give equal bytes.
        tokenizer.train_from_iterator((text.as_py() for batch in batches for text in batch.column("text")), trainer)
        path.write_text(tokenizer.to_str(), encoding="utf-8")

    @classmethod
    def examples(cls, folder: Path) -> tuple[Example, ...]:
        """A small vocabulary; every document is kept."""
        small = cls(vocab_size=300, sample_bytes=ByteSize(2_000))
        return (Example(small, {"text": "low lower lowest"}, None, {"text": "low lower lowest"}),)


def _rows_within(texts: pa.Array | pa.ChunkedArray, limit_bytes: int) -> int:
    """Return how many rows, from the first, it takes to reach `limit_bytes`."""
    lengths = pc.binary_length(texts).to_numpy()
    return int(np.searchsorted(np.cumsum(lengths), limit_bytes)) + 1
