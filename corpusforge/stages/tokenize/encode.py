"""Turn texts into token ids."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar, Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pydantic import Field

from corpusforge.errors import RecipeError
from corpusforge.registry import nearest
from corpusforge.stage import Example, Kernel, Stage, kept, reject, with_columns
from corpusforge.stages.tokenize.tokenizer_file import SUFFIXES


class Encode(Stage):
    """Turn texts into the token ids of a tokenizer, exactly those of its reference implementation.

    `tokenizer` is the path of a tokenizer.json (HF tokenizers), of GPT-2's encoder.json with vocab.bpe beside it, of a
    rank file (tiktoken; `pattern` then says how texts are cut: cl100k_base, o200k_base, gpt2, llama3, qwen2, ..., or a
    regular expression), of a SentencePiece .model, or the name of a `tokenize.train` step of the recipe. Truncation,
    padding and the template of special tokens in the file are not applied; `bos` and `eos` (a token or its id) put one
    token before and after each text. Special tokens that a text happens to spell are ordinary text; with
    `special_tokens: token` they become the special token. A null text counts as empty, and rows that are already
    rejected get null.

    Byte-level BPE with the pre-tokenizers of GPT-2, GPT-4, GPT-4o, Llama 3, Qwen and DeepSeek V3 is compiled; texts are
    cut and looked up as bytes, and the ids of up to 1.3 million pre-tokens are remembered (150 MB at most). Other
    tokenizers, and texts that hold added tokens with conditions (lstrip, rstrip, single_word), run at the speed of the
    reference. Which of the two it is follows from the file, and a sample is compared with the reference when it opens.

    Reads: text.   Writes: input_ids (list of uint16 if every id fits, else of uint32; uint32 for a trained tokenizer),
    token_count (int64, with bos and eos). Removes text with `write_text: false`.
    Rejects: too_many_tokens (more than `max_tokens`; nothing is ever truncated).
    Cost: 0.02 CPU s per MB, first pass over mixed English (HF tokenizers: 0.6; measured).
    Errors: RecipeError when the file is no tokenizer, lacks the tokens of `bos` and `eos`, or needs a `pattern`.
    Example:
        tokenize.encode: {tokenizer: my/tokenizer.json, eos: "<|endoftext|>", max_tokens: 100000}
    Source: Sennrich et al. 2016 (BPE), Radford et al. 2019 (byte level), Kudo and Richardson 2018 (SentencePiece).
    """

    writes: ClassVar[Mapping[str, pa.DataType]] = {"input_ids": pa.list_(pa.uint32()), "token_count": pa.int64()}
    version: ClassVar[int] = 1
    depends: ClassVar[tuple[str, ...]] = ("tokenizers", "tiktoken", "sentencepiece")
    memory_bytes: ClassVar[int] = 768 << 20

    tokenizer: str
    pattern: str | None = None
    bos: str | int | None = None
    eos: str | int | None = None
    special_tokens: Literal["text", "token"] = "text"
    max_tokens: int | None = Field(None, ge=1)
    write_text: bool = True

    @property
    def drops(self) -> tuple[str, ...]:  # type: ignore[override]
        """Columns removed."""
        return () if self.write_text else ("text",)

    def artifact_name(self) -> str | None:
        """Name of the `tokenize.train` step that makes the tokenizer, None when it is a file."""
        is_file = self.tokenizer.endswith(SUFFIXES) or "/" in self.tokenizer or Path(self.tokenizer).is_file()
        return None if is_file else self.tokenizer

    def files(self) -> tuple[str, ...]:
        """Return the tokenizer's file."""
        return () if self.artifact_name() else (self.tokenizer,)

    def rejection_reasons(self) -> tuple[str, ...]:
        """Return too_many_tokens when there is a limit."""
        return () if self.max_tokens is None else ("too_many_tokens",)

    def columns_written(self) -> Mapping[str, pa.DataType]:
        """Return the types of the new columns, reading the vocabulary of the tokenizer's file."""
        if self.artifact_name():
            return self.writes
        from corpusforge.stages.tokenize.rank_file import pattern_of
        from corpusforge.stages.tokenize.tokenizer_file import id_type, vocabulary

        known = vocabulary(self.tokenizer, self.pattern)
        if known.kind == "ranks":
            pattern_of(self.tokenizer, self.pattern)
        for token in (self.bos, self.eos):
            self._id(token, known.size, known.added)
        return {**self.writes, "input_ids": pa.list_(pa.from_numpy_dtype(id_type(known.size)))}

    def open(self) -> Kernel:
        """Load the tokenizer's file and return the kernel."""
        kind = self.columns_written()["input_ids"]
        assert isinstance(kind, pa.ListType)
        return self._kernel(Path(self.tokenizer), np.dtype(kind.value_type.to_pandas_dtype()))

    def open_with(self, artifact: Path) -> Kernel:
        """Return the kernel for a tokenizer trained in the same run."""
        return self._kernel(artifact, np.dtype(np.uint32))

    def _kernel(self, path: Path, dtype: np.dtype[Any]) -> Kernel:
        from corpusforge.stages.tokenize.encoder import open_encoder
        from corpusforge.stages.tokenize.surround import surrounded
        from corpusforge.stages.tokenize.tokenizer_file import vocabulary

        known = vocabulary(path, self.pattern)
        before, after = (self._id(token, known.size, known.added) for token in (self.bos, self.eos))
        encode = open_encoder(path, self.special_tokens == "text", self.pattern)

        def kernel(batch: pa.RecordBatch) -> pa.RecordBatch:
            mine = kept(batch)
            texts = pc.fill_null(batch.column("text").cast(pa.large_string()), "")
            if not mine.all():
                texts = pc.if_else(pa.array(mine), texts, "")
            ids, offsets = encode(texts)
            if before is not None or after is not None:
                ids, offsets = surrounded(ids, offsets, mine, before, after)
            counts = np.diff(offsets)
            assert offsets[-1] < 1 << 31, "a batch has more tokens than a list column counts"
            left = None if mine.all() else pa.array(~mine)
            token_count = pa.array(counts) if left is None else pc.if_else(left, pa.scalar(None, pa.int64()), counts)
            values = pa.array(ids.astype(dtype, copy=False))
            lists = pa.ListArray.from_arrays(pa.array(offsets.astype(np.int32)), values, mask=left)
            batch = with_columns(batch, input_ids=lists, token_count=token_count)
            if not self.write_text:
                batch = batch.drop_columns(["text"])
            if self.max_tokens is None:
                return batch
            return reject(batch, counts > self.max_tokens, "too_many_tokens", value=counts.astype(np.float64))

        return kernel

    def _id(self, token: str | int | None, size: int, added: Mapping[str, int]) -> int | None:
        if isinstance(token, int) and not 0 <= token < size:
            raise RecipeError(f"tokenize.encode: '{self.tokenizer}' has no id {token}; its ids are 0 to {size - 1}")
        if isinstance(token, str):
            if token not in added:
                hint = nearest(token, list(added))
                raise RecipeError(f"tokenize.encode: '{self.tokenizer}' has no added token '{token}'.{hint}")
            return added[token]
        return token

    @classmethod
    def examples(cls, folder: Path) -> tuple[Example, ...]:
        """A text of few tokens, and one of too many."""
        from tokenizers import Tokenizer, decoders, models, pre_tokenizers

        path = folder / "bytes.json"
        alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
        tokenizer = Tokenizer(models.BPE({token: i for i, token in enumerate(alphabet)}, []))
        tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
        tokenizer.decoder = decoders.ByteLevel()
        tokenizer.add_special_tokens(["<|end|>"])
        tokenizer.save(str(path))
        ids = [alphabet.index(letter) for letter in "héé".encode().decode("latin-1")]
        few = cls(tokenizer=str(path), eos="<|end|>", max_tokens=6)
        return (
            Example(few, {"text": "héé"}, None, {"input_ids": [*ids, 256], "token_count": 6}),
            Example(few, {"text": "héé!"}, "too_many_tokens", {"token_count": 7}),
            Example(cls(tokenizer=str(path), write_text=False), {"text": ""}, None, {"input_ids": []}),
        )
