"""Open a tokenizer's file: the compiled encoder where it is exact, the reference implementation elsewhere."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import pyarrow as pa

from corpusforge.errors import RecipeError
from corpusforge.stages.tokenize.byte_level import ByteLevel, from_json, from_ranks
from corpusforge.stages.tokenize.compiled import CompiledEncoder, Texts
from corpusforge.stages.tokenize.rank_file import SPECIAL, pattern_of, read_ranks
from corpusforge.stages.tokenize.tokenizer_file import read_json, vocabulary
from corpusforge.text.arrays import Int64s, UInt32s

Encode = Callable[[pa.LargeStringArray], tuple[UInt32s, Int64s]]

# What goes wrong first if a tokenizer is not what byte_level.py takes it for; compared with the reference on opening.
PROBE = (
    "The quick (brown) fox's 12,345.678 jumps,over\n\n  the  LAZY dog...  \t don't!\r\nI'LL x2 fooBar HTTPServer\n"
    "\tdef f(a, b):\n\t\treturn a[0]+b  # ok\n\n\n    pass\n 1 22 333 4444 55555 a1b22 e.g. http://a.example/b?c=d&e=f"
    " \nÜnïcödé Ångström cafe\u0301 naïve — “quotes” … 東京は日本の首都です。 Привет, мир!"
    " مرحبا 👩‍👩‍👧 \u00a0\u3000 x\u2028y\u200b z  "
)


def open_encoder(path: str | Path, special_as_text: bool, pattern: str | None = None) -> Encode:
    """Return a function from texts, none of them null, to their ids end to end and where each text's begin.

    `special_as_text`: special tokens that a text spells are ordinary text. `pattern`: how a rank file's texts are cut.
    """
    kind = vocabulary(path, pattern).kind
    if kind == "sentencepiece":
        if not special_as_text:
            raise RecipeError(f"tokenizer '{path}': SentencePiece never takes text for a special token; use 'text'")
        from corpusforge.stages.tokenize.sentencepiece_model import encoded, load

        processor = load(path)
        return _by_reference(lambda texts: encoded(processor, texts))
    if kind == "ranks":
        reference, compiled = _open_ranks(path, special_as_text, pattern)
        normalize = None
    else:
        description = read_json(path)
        tokenizer = load_json(description, special_as_text)

        def reference(texts: Any) -> list[list[int]]:
            batch = tokenizer.encode_batch_fast(list(texts), add_special_tokens=False)  # without offsets
            return [encoding.ids for encoding in batch]

        compiled = from_json(description, special_as_text)
        normalize = tokenizer.normalizer.normalize_str if tokenizer.normalizer is not None else None
    if compiled is not None:
        encoder = CompiledEncoder(compiled, reference, normalize)
        ids, _ = encoder.encode(pa.array([PROBE], pa.large_string()))
        if ids.tolist() == reference([PROBE])[0]:
            return encoder.encode
    return _by_reference(reference)


def _open_ranks(path: str | Path, special_as_text: bool, pattern: str | None) -> tuple[Texts, ByteLevel | None]:
    from tiktoken import Encoding

    ranks = read_ranks(path)
    expression = pattern_of(path, pattern)
    special = dict(SPECIAL.get(pattern or "", {}))
    encoding = Encoding("", pat_str=expression, mergeable_ranks=ranks, special_tokens=special)

    def reference(texts: Any) -> list[list[int]]:
        if special_as_text:
            return [encoding.encode_ordinary(text) for text in texts]
        return [encoding.encode(text, allowed_special="all") for text in texts]

    return reference, from_ranks(ranks, expression, {} if special_as_text else special)


def load_json(description: Any, special_as_text: bool) -> Any:
    """Load a parsed tokenizer.json to encode whole texts: no truncation and no padding, whatever it says."""
    one_thread()
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_str(orjson.dumps(description).decode())
    tokenizer.no_truncation()
    tokenizer.no_padding()
    tokenizer.encode_special_tokens = special_as_text
    return tokenizer


def one_thread() -> None:
    """Keep HF tokenizers to one thread, since a worker has one CPU, unless the user has decided otherwise."""
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")


def _by_reference(reference: Texts) -> Encode:
    def encode(texts: pa.LargeStringArray) -> tuple[UInt32s, Int64s]:
        found = reference(texts.to_pylist())
        offsets = np.zeros(len(found) + 1, np.int64)
        np.cumsum([len(ids) for ids in found], out=offsets[1:])
        ids = np.fromiter((number for one in found for number in one), np.uint32, int(offsets[-1]))
        return ids, offsets

    return encode
