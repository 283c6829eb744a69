"""What takes the place of a span, and what is written down about it: never the value itself."""

import hashlib
from collections.abc import Mapping, Sequence

import pyarrow as pa

from corpusforge.stages.privacy.spans import Span
from corpusforge.stages.privacy.types import SPANS_TYPE, Action, Types
from corpusforge.text.arrays import Int64s

_HASH_BYTES = 8
_LETTERS = str.maketrans("0123456789abcdef", "abcdefghijklmnop")  # no digits: nothing takes a hash for a number


class Pieces:
    """Replacements of spans and keyed hashes of their values."""

    def __init__(self, types: Types, actions: Mapping[str, Action], secret: bytes) -> None:
        self.types = types
        self.actions = [actions[name] for name in types.names]
        self.key = hashlib.blake2b(secret).digest()

    def of(self, span: Span, doc_id: str) -> bytes:
        """Return what takes the place of `span` in the document `doc_id`."""
        action = self.actions[span.kind]
        tag = self.types.tags[span.kind]
        if action == "remove":
            return b""
        if action == "mask":
            return tag.encode()
        if action == "hash":
            return f"{tag[:-1]}:{self.hash(span)}{tag[-1]}".encode()
        number = int.from_bytes(self._digest(16, doc_id, *self._said(span)), "big")
        return self.types.detectors[span.kind].substitute(span.value, number).encode()

    def hash(self, span: Span) -> str:
        """Return the keyed hash of a span's value, 16 letters from a to p: the same in every document."""
        return self._digest(_HASH_BYTES, *self._said(span)).hex().translate(_LETTERS)

    def log(self, spans: Sequence[Span], offsets: Int64s, hashed: bool) -> pa.Array:
        """Return for each document the type, first byte and end of its spans, and the hash if `hashed`."""
        rows: list[list[dict[str, object]]] = [[] for _ in range(len(offsets) - 1)]
        for span in spans:
            first = int(offsets[span.document])
            rows[span.document].append(
                {
                    "type": self.types.names[span.kind],
                    "start": span.start - first,
                    "end": span.end - first,
                    "hash": self.hash(span) if hashed else None,
                }
            )
        return pa.array(rows, SPANS_TYPE)

    def _said(self, span: Span) -> tuple[str, str]:
        return self.types.names[span.kind], self.types.detectors[span.kind].identity(span.value)

    def _digest(self, size: int, *said: str) -> bytes:
        return hashlib.blake2b("\0".join(said).encode(), key=self.key, digest_size=size).digest()
