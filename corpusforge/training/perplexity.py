"""Train an n-gram model for quality.perplexity: texts -> ids on disk -> counts -> smoothing -> a model file."""

import tempfile
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numba import njit

from corpusforge.errors import RunError
from corpusforge.text.arpa_file import write_arpa
from corpusforge.text.arrays import Int64s, UInt32s, UInt64s
from corpusforge.text.lm_tokens import LineTokens, TextForm, line_tokens
from corpusforge.text.ngram_file import write_ngrams
from corpusforge.text.ngram_table import NgramTable, encode, insert, next_keys, scale_of, slots_for, word_table
from corpusforge.text.spans import hash_spans
from corpusforge.training.kneser_ney import Smoothed, smooth
from corpusforge.training.ngram_counts import BEGIN, END, count

_SPECIAL = ("<unk>", "<s>", "</s>")
_BATCH_BYTES = 8 << 20  # of text that becomes tokens at a time
_IDS = 1 << 22  # read at a time


@dataclass(frozen=True)
class Options:
    """What may be chosen; see `corpusforge train perplexity --help`."""

    order: int = 5
    prune: tuple[int, ...] = (0,)  # for each length, the last one for all longer n-grams
    min_count: int = 1
    max_words: int = 2_000_000
    max_ngrams: int = 100_000_000
    max_bytes: int | None = None
    form: TextForm = field(default_factory=TextForm)


@dataclass(frozen=True)
class Trained:
    """The model's facts, and warnings about them."""

    facts: dict[str, Any]
    warnings: tuple[str, ...]


def train(texts: Iterable[pa.Array], options: Options, output: Path, arpa: Path | None = None) -> Trained:
    """Train on text columns and write the model to `output`; the same texts in any order give the same bytes.

    Raises RunError when there is nothing to learn from or a bound is exceeded.
    """
    output.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=output.parent, prefix=".train-") as folder:
        stream = _IdStream(Path(folder) / "ids", options)
        for column in texts:
            if not stream.add(column):
                break
        words, renumber = stream.vocabulary()
        if not stream.tokens:
            raise RunError("there is no word in the texts; check the paths, the field of the text and the stages")
        levels = count(stream.ids(renumber), len(words), options.order, options.max_ngrams, Path(folder))
    thresholds = _thresholds(options)
    distinct = [len(level.words) for level in levels]
    smoothed = list(_pruned(smooth(levels, thresholds)))
    del levels
    table = _table(smoothed, words)
    facts = {
        "documents": stream.documents,
        "bytes": stream.bytes,
        "tokens": stream.tokens,
        "unknown_tokens": stream.unknown,
        "words": len(words),
        "distinct_ngrams": distinct,
        "ngrams": [len(level.words) for level in smoothed],
        "discounts": [[round(d, 6) for d in level.discounts] for level in smoothed],
        "options": {k: v for k, v in {**asdict(options), "prune": thresholds}.items() if k != "form"},
    }
    write_ngrams(output, table, options.form, facts)
    if arpa is not None:
        write_arpa(arpa, words, [(s.words, s.suffix, s.probability, s.backoff) for s in smoothed])
    guessed = [str(k) for k, level in enumerate(smoothed, 1) if not level.estimated]
    warnings = (
        (f"too few texts to estimate the discounts of n-grams of {', '.join(guessed)} words; 0.5, 1, 1.5 are used",)
        if guessed
        else ()
    )
    return Trained(facts, warnings)


def _thresholds(options: Options) -> list[int]:
    given = [*options.prune, *[options.prune[-1]] * options.order][: options.order]
    return [0, *given[1:]]  # single words are left out by min_count and max_words


class _IdStream:
    """Token ids of all texts, in the order in which words were first seen, on disk: 4 bytes a token."""

    def __init__(self, path: Path, options: Options) -> None:
        self.documents = self.bytes = self.tokens = self.unknown = 0
        self._path, self._options = path, options
        self._slots, self._ids = np.zeros(1 << 16, np.uint64), np.zeros(1 << 16, np.uint32)
        self._hashes: list[UInt64s] = []
        self._words: list[pa.Array] = []
        self._known = 0
        self._counts = np.zeros(1 << 16, np.int64)
        path.touch()

    def add(self, column: pa.Array) -> bool:
        """Take the texts of a column; False when no more are wanted."""
        lengths = pc.fill_null(pc.binary_length(column), 0).to_numpy(zero_copy_only=False).astype(np.int64)
        ends = np.cumsum(lengths)
        at = 0
        while at < len(column):
            base = ends[at - 1] if at else 0
            stop = max(at + 1, int(np.searchsorted(ends, base + _BATCH_BYTES, "right")))
            if self._options.max_bytes is not None:
                left = self._options.max_bytes - self.bytes
                stop = min(stop, int(np.searchsorted(ends, base + left, "right")))
                if stop <= at:
                    return False
            piece = column.slice(at, stop - at)
            self.documents += int((lengths[at:stop] > 0).sum())
            self.bytes += int(ends[stop - 1] - base)
            self._add(line_tokens(piece, self._options.form))
            at = stop
        return True

    def _add(self, tokens: LineTokens) -> None:
        while 2 * (self._known + len(tokens.hashes)) > len(self._slots):
            room = 2 * len(self._slots)
            self._slots, self._ids = np.zeros(room, np.uint64), np.zeros(room, np.uint32)
            if self._hashes:
                known = np.concatenate(self._hashes)
                _number(known, self._slots, self._ids, 0, np.empty(len(known), np.int64), np.zeros(room, np.int64))
        if len(self._counts) < len(self._slots):
            self._counts = np.append(self._counts, np.zeros(len(self._slots) - len(self._counts), np.int64))
        first = np.empty(len(tokens.hashes), np.int64)
        ids, new = _number(tokens.hashes, self._slots, self._ids, self._known, first, self._counts)
        first = first[:new]
        self._known += new
        self._hashes.append(tokens.hashes[first])
        self._words.append(_strings(tokens, first))
        self.tokens += len(ids)
        with open(self._path, "ab") as file:
            _with_ends(ids, tokens.offsets).tofile(file)

    def vocabulary(self) -> tuple[pa.Array, UInt32s]:
        """Return the words by their final ids, and the final id of each id so far.

        <unk>, <s>, </s>, then words by falling count, equal ones by their bytes; too rare ones become <unk>.
        """
        counts = self._counts[: self._known]
        words = pa.concat_arrays(self._words) if self._words else pa.array([], pa.string())
        special = pc.is_in(words, pa.array(_SPECIAL, words.type)).to_numpy(zero_copy_only=False)
        order = pc.sort_indices(
            pa.table({"count": counts, "word": words.cast(pa.binary())}),
            sort_keys=[("count", "descending"), ("word", "ascending")],
        ).to_numpy()
        order = order[(counts[order] >= self._options.min_count) & ~special[order]][: self._options.max_words]
        final = np.zeros(self._known + 3, np.uint32)
        final[1:3] = BEGIN, END
        final[order + 3] = np.arange(3, 3 + len(order))
        self.unknown = int(counts[final[3:] == 0].sum())
        return pa.concat_arrays([pa.array(_SPECIAL, words.type), words.take(pa.array(order))]), final

    def ids(self, renumber: UInt32s) -> Iterator[UInt32s]:
        """Yield the final ids of all lines."""
        with open(self._path, "rb") as file:
            while len(ids := np.fromfile(file, np.uint32, _IDS)):
                yield renumber[ids]


def _strings(tokens: LineTokens, which: Int64s) -> pa.Array:
    lengths = tokens.ends[which] - tokens.starts[which]
    offsets = np.append(0, np.cumsum(lengths)).astype(np.int32)
    places = np.repeat(tokens.starts[which] - offsets[:-1], lengths) + np.arange(offsets[-1])
    buffers = [None, pa.py_buffer(offsets), pa.py_buffer(tokens.data[places].tobytes())]
    return pa.Array.from_buffers(pa.string(), len(which), buffers)


@njit(cache=True)
def _number(
    hashes: UInt64s, slots: UInt64s, ids: UInt32s, known: int, first: Int64s, counts: Int64s
) -> tuple[UInt32s, int]:
    """Return the ids of tokens (new words get the next ones) and how many are new; `first`: where those stand."""
    found = np.empty(len(hashes), np.uint32)
    last = len(slots) - 1
    new = 0
    for i in range(len(hashes)):
        key = max(hashes[i], np.uint64(1))
        at = np.int64(key >> np.uint64(20)) & last
        while slots[at] != key and slots[at] != 0:
            at = (at + 1) & last
        if slots[at] == 0:
            slots[at] = key
            ids[at] = known + new
            first[new] = i
            new += 1
        found[i] = ids[at]
        counts[found[i]] += 1
    return found, new


@njit(cache=True)
def _with_ends(ids: UInt32s, offsets: Int64s) -> UInt32s:
    """Return ids plus three, each line that has any between <s> and </s>."""
    found = np.empty(len(ids) + 2 * (len(offsets) - 1), np.uint32)
    n = 0
    for line in range(len(offsets) - 1):
        if offsets[line] == offsets[line + 1]:
            continue
        found[n] = 1
        n += 1
        for at in range(offsets[line], offsets[line + 1]):
            found[n] = ids[at] + np.uint32(3)
            n += 1
        found[n] = 2
        n += 1
    return found[:n]


def _pruned(levels: list[Smoothed]) -> Iterator[Smoothed]:
    """Yield the levels without the n-grams that are not kept; `suffix` then counts kept ones."""
    places: UInt32s | None = None
    for level in levels:
        kept, suffix = level.kept, level.suffix
        if places is not None:
            suffix = places[suffix]
        places = (np.cumsum(kept) - 1).astype(np.uint32)
        yield Smoothed(
            level.words[kept],
            suffix[kept],
            level.probability[kept],
            level.backoff[kept],
            kept[kept],
            level.discounts,
            level.estimated,
        )


def _table(levels: list[Smoothed], words: pa.Array) -> NgramTable:
    strings = words.cast(pa.large_binary())
    _, offsets, data = strings.buffers()
    places = np.frombuffer(offsets, np.int64, len(strings) + 1).copy()
    text = np.frombuffer(data, np.uint8)
    text.flags.writeable = False
    hashes = hash_spans(text, places[:-1].copy(), places[1:].copy())
    known = word_table(hashes[3:], np.arange(3, len(words), dtype=np.uint32))
    longer = levels[1:]
    probabilities = scale_of(*(level.probability for level in longer))
    backoffs = scale_of(*(level.backoff for level in longer))
    slots = np.zeros(slots_for(sum(len(level.words) for level in longer)), np.uint64)
    keys = next_keys(np.zeros(0, np.uint64), levels[0].words)
    for level in longer:
        keys = next_keys(keys[level.suffix], level.words)
        insert(slots, keys, encode(level.probability, probabilities), encode(level.backoff, backoffs))
    single = np.column_stack([levels[0].probability, levels[0].backoff])
    return NgramTable(len(levels), single, slots, *known, probabilities, backoffs)
