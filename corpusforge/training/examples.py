"""Examples for a text classifier: passages of texts, drawn by hash, split by hash, copies out.

The draw keeps, for each label, the examples with the smallest XXH3-64 of (seed, text). It depends on the texts alone,
so neither the order of the files nor their split changes it, and copies of a text are one example.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import xxhash

_LABEL = re.compile(rb"(?<![^ ])__label__[^ ]*(?: |$)")
_END_OF_SENTENCE = re.compile(rb"(?<![^ ])</s>(?![^ ])")
_COMPACT_ABOVE = 2  # times the asked number of examples are held before the larger hashes are dropped


@dataclass(frozen=True)
class Example:
    """One passage: words joined by single spaces, as fastText reads them."""

    key: int  # XXH3-64 of the passage, which draws
    side: int  # XXH3-64 of the whole text, which decides between training and held out
    label: str
    text: bytes


@dataclass(frozen=True)
class Drawn:
    """Examples in an order that mixes labels, and what was left out."""

    train: list[Example]
    held_out: list[Example]
    texts: dict[str, int]  # by label: texts with words in them
    passages: dict[str, int]  # by label: their passages, copies included
    contradictory: int  # examples left out because they were drawn under two labels


class Draw:
    """Draws at most `most` examples for each label from any number of texts."""

    def __init__(self, most: int, passage_bytes: int = 0, lowercase: bool = False, seed: int = 0) -> None:
        self.most, self.passage_bytes, self.lowercase, self.seed = most, passage_bytes, lowercase, seed
        self.texts: dict[str, int] = {}
        self.passages: dict[str, int] = {}
        self._held: dict[str, dict[int, tuple[int, bytes]]] = {}  # label -> key -> side, passage
        self._bound: dict[str, int] = {}  # label -> no larger key can be among the drawn

    def add(self, label: str, column: pa.Array) -> None:
        """Take texts of one label; null and texts without words are no examples."""
        held = self._held.setdefault(label, {})
        bound = self._bound.setdefault(label, 1 << 64)
        if self.lowercase:
            column = pc.utf8_lower(column)  # as quality.classifier does
        for text in column.cast(pa.large_binary()).to_pylist():
            words = fasttext_words(text or b"")
            if not words:
                continue
            self.texts[label] = self.texts.get(label, 0) + 1
            side = xxhash.xxh3_64_intdigest(words, self.seed)
            for passage in passages(words, self.passage_bytes):
                self.passages[label] = self.passages.get(label, 0) + 1
                key = xxhash.xxh3_64_intdigest(passage, self.seed)
                if key < bound:
                    # Copies are on the side of the smallest hash, whichever text was read first.
                    held[key] = (min(side, held[key][0]) if key in held else side, passage)
            if len(held) > _COMPACT_ABOVE * self.most:
                bound = self._bound[label] = self._compact(held)

    def _compact(self, held: dict[int, tuple[int, bytes]]) -> int:
        keys = np.fromiter(held, np.uint64, len(held))
        bound = int(np.partition(keys, self.most)[self.most])
        for key in [key for key in held if key >= bound]:
            del held[key]
        return bound

    def drawn(self, held_out_fraction: float, balance: bool) -> Drawn:
        """Return the examples on their sides; `balance` cuts every label's training examples to the fewest."""
        for held in self._held.values():
            if len(held) > self.most:
                self._compact(held)
        where: dict[int, int] = {}
        for held in self._held.values():
            for key in held:
                where[key] = where.get(key, 0) + 1
        limit = round(held_out_fraction * 2**32)
        train: dict[str, list[Example]] = {}
        held_out: list[Example] = []
        for label, held in self._held.items():
            mine = [Example(k, side, label, text) for k, (side, text) in sorted(held.items()) if where[k] == 1]
            train[label] = [e for e in mine if (e.side & 0xFFFFFFFF) >= limit]  # draws look at the upper bits
            held_out += [e for e in mine if (e.side & 0xFFFFFFFF) < limit]
        fewest = min((len(examples) for examples in train.values()), default=0)
        chosen = [e for examples in train.values() for e in (examples[:fewest] if balance else examples)]
        contradictory = sum(count > 1 for count in where.values())
        return Drawn(sorted(chosen, key=_order), sorted(held_out, key=_order), self.texts, self.passages, contradictory)


def _order(example: Example) -> int:
    # The keys of a label of which few were drawn are all small: the lower bits mix it with the others.
    return example.key * 0x9E3779B97F4A7C15 & 0xFFFFFFFFFFFFFFFF


def fasttext_words(text: bytes) -> bytes:
    r"""Return the words of a text as fastText's prediction reads them, joined by single spaces.

    Words end at space, control whitespace (line breaks too) and NUL. A word `</s>` ends the text, and words that
    begin with `__label__` are no words; in a training file both would be taken for marks of the format.

    >>> fasttext_words(b"One\n\n two\t __label__x three </s> four")
    b'One two three'
    """
    words = b" ".join(text.replace(b"\0", b" ").split())
    if b"</s>" in words and (end := _END_OF_SENTENCE.search(words)):
        words = words[: end.start()]
    return _LABEL.sub(b"", words).strip() if b"__label__" in words else words.strip()


def passages(words: bytes, most_bytes: int) -> Iterator[bytes]:
    """Cut words into passages of at most `most_bytes` and of about one length, at spaces; 0 cuts nothing.

    >>> list(passages(b"one two three four", 10))
    [b'one two', b'three four']
    """
    start = 0
    while most_bytes and len(words) - start > most_bytes:
        left = len(words) - start
        even = start + -(-left // -(-left // most_bytes))
        end = words.find(b" ", even, start + most_bytes + 1)
        if end < 0:
            end = words.rfind(b" ", start + 1, even)
        if end < 0:  # no space for so long
            end = even
            while words[end] & 0xC0 == 0x80:  # inside a character
                end -= 1
        yield words[start:end]
        start = end + (words[end] == 32)
    yield words[start:]
