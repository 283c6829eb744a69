"""From a text to its token ids: remembered chunk by chunk where that is exact, by HF tokenizers elsewhere."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import orjson

from corpusforge.stages.tokenize.chunks import CHUNK, WORD, spanning
from corpusforge.stages.tokenize.tokenizer_json import load

if TYPE_CHECKING:
    from tokenizers import Tokenizer

MAX_CHUNK_CHARS = 64  # longer ones are not remembered: they hardly repeat
MAX_CHUNKS = 400_000  # about 250 bytes each; 57 MB of mixed English has as many
LONG_CHARS = 1 << 20  # from here on, chunks are not listed all at once

# What goes wrong first if a tokenizer is not what chunks.py takes it for; compared with the reference when it opens.
PROBE = (
    "The quick (brown) fox's 12,345.678 jumps,over\n\n  the  LAZY dog...  \t don't!\r\nI'LL x2 fooBar HTTPServer\n"
    "\tdef f(a, b):\n\t\treturn a[0]+b  # ok\n\n\n    pass\n 1 22 333 4444 55555 a1b22 e.g. http://a.example/b?c=d&e=f"
    " \nÜnïcödé Ångström cafe\u0301 naïve — “quotes” … 東京は日本の首都です。 Привет, мир!"
    " مرحبا 👩‍👩‍👧 \u00a0\u3000 x\u2028y\u200b z  "
)

Encoder = Callable[[str], bytes]


def encoder(path: str | Path, special_as_text: bool, dtype: np.dtype[Any]) -> Encoder:
    """Return a function from a text to its ids as the bytes of a `dtype` array, without special tokens around it."""
    tokenizer = load(path, special_as_text)
    reference = _reference(tokenizer, dtype)
    whole = spanning(orjson.loads(Path(path).read_bytes()), special_as_text)
    if whole is None:
        return reference
    known = ChunkIds(tokenizer, dtype)
    if known.encode(PROBE) != reference(PROBE):
        return reference
    if not whole:
        return known.encode
    return lambda text: reference(text) if any(token in text for token in whole) else known.encode(text)


def _reference(tokenizer: "Tokenizer", dtype: np.dtype[Any]) -> Encoder:
    def encode(text: str) -> bytes:
        (encoding,) = tokenizer.encode_batch_fast([text], add_special_tokens=False)  # without offsets
        return np.array(encoding.ids, dtype).tobytes()

    return encode


class ChunkIds(dict[str, bytes]):
    """Chunk -> the bytes of its ids; what is missing is asked of the tokenizer and remembered up to MAX_CHUNKS."""

    def __init__(self, tokenizer: "Tokenizer", dtype: np.dtype[Any]) -> None:
        self._reference = _reference(tokenizer, dtype)
        self._model = tokenizer.model
        self._dtype = dtype

    def encode(self, text: str) -> bytes:
        """Return the ids of a whole text."""
        chunks = CHUNK.findall(text) if len(text) < LONG_CHARS else (match[0] for match in CHUNK.finditer(text))
        return b"".join(map(self.__getitem__, chunks))

    def __missing__(self, chunk: str) -> bytes:
        if WORD.fullmatch(chunk):  # one pre-token: 4 microseconds instead of 26
            tokens = self._model.tokenize(chunk.replace(" ", "Ġ"))  # the byte-level alphabet's sign for a space
            ids = np.array([token.id for token in tokens], self._dtype).tobytes()
        else:
            ids = self._reference(chunk)
        if len(chunk) <= MAX_CHUNK_CHARS:
            if len(self) >= MAX_CHUNKS:
                self.clear()
            self[chunk] = ids
        return ids
