"""TextBatch: the texts of a batch as bytes, and everything that is cut from them once."""

from collections.abc import Callable, Sequence
from functools import cached_property
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from corpusforge.text import lines, sentence_ends
from corpusforge.text.arrays import Bools, Int64s, UInt8s
from corpusforge.text.filled_lines import FilledLines, blank
from corpusforge.text.normalized import NormalizedWords
from corpusforge.text.origin import Origin
from corpusforge.text.repeats import Repeats
from corpusforge.text.sentences import count_sentences
from corpusforge.text.spans import Spans
from corpusforge.text.special_characters import StrippedWords
from corpusforge.text.tokens import Tokens
from corpusforge.text.unicode import CLASSES, TABLE
from corpusforge.text.unicode_words import UnicodeWords
from corpusforge.text.utf8 import count_at, count_characters, count_flagged
from corpusforge.text.word_punct import WordPunct
from corpusforge.text.words import Words


class TextBatch:
    """The texts of an Arrow column; each array is computed on first use and shared by all who ask.

    `origin` says of which pieces of other batches the texts were made; chunks and tokens are then taken from there.

    `documents`: rows. `column`: the texts as Arrow large_string, nulls as "". `data` uint8: UTF-8 bytes.
    `offsets` int64[documents + 1]: document `d` is `data[offsets[d]:offsets[d + 1]]`; a null is empty.
    """

    def __init__(self, column: pa.LargeStringArray, origin: Origin | None = None) -> None:
        self._origin = origin
        self._found: dict[str, Any] = {}
        if column.null_count:  # a null may stand on bytes
            column = pc.fill_null(column, "")
        self.column = column
        self.documents = len(column)
        _, offsets, data = column.buffers()
        # Every kernel sees one set of types, so that each is compiled once: data read-only, the rest writable.
        if self.documents == 0:
            self.offsets: Int64s = np.zeros(1, np.int64)
        else:
            self.offsets = np.frombuffer(offsets, np.int64, self.documents + 1, 8 * column.offset).copy()
        self.data: UInt8s = np.frombuffer(b"" if data is None else data, np.uint8)
        self.data.flags.writeable = False

    def once(self, name: str, measure: Callable[[], Any]) -> Any:
        """Return what `measure` finds in these texts, measured once for each name."""
        if name not in self._found:
            self._found[name] = measure()
        return self._found[name]

    @cached_property
    def lengths_bytes(self) -> Int64s:
        """UTF-8 bytes per document."""
        return np.diff(self.offsets)

    @cached_property
    def chars(self) -> Int64s:
        """Code points per document, int64[documents]."""
        return count_characters(self.data, self.offsets[:-1], self.offsets[1:])

    @cached_property
    def blank(self) -> Bools:
        """Which documents hold nothing but whitespace, bool[documents]."""
        return blank(self.data, self.offsets[:-1], self.offsets[1:], TABLE)

    def count(self, pattern: str) -> Int64s:
        """How often each document holds `pattern`, as str.count() counts, int64[documents]."""
        wanted = np.frombuffer(pattern.encode(), np.uint8)
        first = int(self.offsets[0])
        places = np.flatnonzero(self.data[first : int(self.offsets[-1])] == wanted[0]) + first
        return count_at(self.data, self.offsets, places, wanted)

    def count_flagged(self, flag: int) -> Int64s:
        """Code points per document with a flag of `corpusforge.text.unicode`, int64[documents]."""
        return count_flagged(self.data, self.offsets[:-1], self.offsets[1:], TABLE, flag)

    def count_class(self, flag: int) -> Int64s:
        """Code points per document with a flag of `unicode.CLASSES`, such as PUNCTUATION, int64[documents]."""
        return count_flagged(self.data, self.offsets[:-1], self.offsets[1:], CLASSES, flag)

    @cached_property
    def words(self) -> Words:
        """Lower-cased words, see `Words`."""
        return Words(self.data, self.offsets)

    @cached_property
    def lines(self) -> Spans:
        r"""Lines as text.split("\n") gives them."""
        return lines.lines(self.data, self.offsets)

    @cached_property
    def full_lines(self) -> Spans:
        r"""Lines as re.split("\n+", text) gives them."""
        return lines.full_lines(self.data, self.offsets)

    @cached_property
    def ended_lines(self) -> Spans:
        r"""Lines with the newline that ends them, as re.findall(r"[^\n]*\n|[^\n]+", text) gives them."""
        return lines.ended_lines(self.data, self.offsets)

    @cached_property
    def filled_lines(self) -> FilledLines:
        """Lines that are not blank, see `FilledLines`."""
        return FilledLines(self.lines)

    @cached_property
    def unicode_lines(self) -> Spans:
        """Lines as text.splitlines() gives them."""
        return lines.unicode_lines(self.data, self.offsets)

    @cached_property
    def paragraphs(self) -> Spans:
        r"""Paragraphs as re.split("\n{2,}", text.strip()) gives them."""
        return lines.paragraphs(self.data, self.offsets)

    @cached_property
    def chunks(self) -> Spans:
        """Chunks between whitespace, as text.split() gives them."""
        if self._origin is not None:
            return self._origin.chunks(self.data)
        return lines.chunks(self.data, self.offsets)

    @cached_property
    def sentences(self) -> Spans:
        """Sentences as UAX #29 cuts them, see `corpusforge.text.sentence_ends`."""
        return sentence_ends.sentences(self.data, self.offsets)

    @cached_property
    def normalized_words(self) -> NormalizedWords:
        """Words of the lower-cased, decomposed text without ASCII punctuation, see `NormalizedWords`."""
        return NormalizedWords(self.chunks)

    @cached_property
    def word_punct(self) -> WordPunct:
        r"""Tokens of \w+|[^\w\s]+, see `WordPunct`."""
        return WordPunct(self.data, self.offsets)

    @cached_property
    def chunk_repeats(self) -> Repeats:
        """What repeats among the chunks."""
        return Repeats(self.chunks)

    @cached_property
    def unicode_words(self) -> UnicodeWords:
        """Words of UAX 29 that begin with a letter or digit, see `UnicodeWords`."""
        return UnicodeWords(self.data, self.offsets)

    @cached_property
    def stripped_words(self) -> StrippedWords:
        """Chunks without special characters around them, lower-cased, see `StrippedWords`."""
        return StrippedWords(self.chunks)

    @cached_property
    def tokens(self) -> Tokens:
        """Tokens as spaCy's blank English tokenizer gives them, see `Tokens`."""
        if self._origin is not None:
            return self._origin.tokens(self.data)
        return Tokens(self.chunks)

    @cached_property
    def line_sentences(self) -> Int64s:
        """Sentences of each document, each line of str.splitlines() cut by itself, int64[documents]."""
        if self._origin is not None and self._origin.of_lines:
            return self._origin.line_sentences()
        return self.unicode_lines.sum(count_sentences(self.unicode_lines, self.tokens))


def remember(text: TextBatch, column: pa.LargeStringArray) -> None:
    """Let `segment` return `text` for `column`, which holds the same texts."""
    global _last
    _last = _key(column), column, text


_last: tuple[tuple[int, ...], pa.Array, TextBatch] | None = None  # the column keeps its buffers alive


def segment(column: pa.Array | pa.ChunkedArray | Sequence[str | None]) -> TextBatch:
    """Return the TextBatch of a text column (large_string; string and lists of str are converted).

    The last one is remembered by the addresses of its buffers, its offset and its length, so that
    stages which do not change the text share what was cut.

    >>> segment(["Two words.", None]).words.counts
    array([2, 0])
    """
    global _last
    if isinstance(column, pa.ChunkedArray):
        column = column.combine_chunks()
    elif not isinstance(column, pa.Array):
        column = pa.array(column, pa.large_string())
    key = _key(column)
    if _last is None or _last[0] != key:
        large = column if column.type == pa.large_string() else column.cast(pa.large_string())
        _last = key, column, TextBatch(large)
    return _last[2]


def _key(column: pa.Array) -> tuple[int, ...]:
    return (*(b.address if b else 0 for b in column.buffers()), column.offset, len(column))
