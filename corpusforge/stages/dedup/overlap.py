"""n-gram overlap with evaluation sets: an index of their n-grams, and a compiled search for them in texts."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numba import njit
from numpy.typing import NDArray

from corpusforge.errors import RecipeError
from corpusforge.stages.dedup.evals import eval_names, read_items
from corpusforge.text import segment
from corpusforge.text.arrays import Int64s, UInt64s
from corpusforge.text.shingles import BASE, shingles
from corpusforge.text.spans import mix
from corpusforge.text.words import Words

SEGMENT_BYTES = 8 << 20
FILTER_BITS = 8  # per n-gram, at least: at most 3 % of other n-grams pass


@dataclass(frozen=True)
class Index:
    """n-grams of evaluation items. `hashes` is sorted; `owners[i]` is the first item that has `hashes[i]`."""

    hashes: UInt64s
    owners: Int64s  # item numbers, over all files
    filter: UInt64s  # of `hashes`, see block_filter
    starts: Int64s  # for each block of the filter the place of its first hash, and the number of hashes
    heads: UInt64s  # filter of the first `shortest` words of the n-grams shorter than `longest`
    shortest: int  # words
    longest: int  # words
    names: list[str]  # of files
    first_items: Int64s  # number of each file's first item, and the number of items
    ignored_items: int  # too short for any n-gram
    common_ngrams: int  # left out, being in too many items

    def label(self, item: int) -> str:
        """Return the item's file and its number in it, counted from 0: "gsm8k.jsonl#12"."""
        file = int(np.searchsorted(self.first_items, item, "right")) - 1
        return f"{self.names[file]}#{item - int(self.first_items[file])}"


def build_index(
    paths: Sequence[str], fields: Sequence[str], ngram: int, min_words: int, min_distinct_words: int, max_items: int
) -> Index:
    """Index the n-grams of the items of `paths`; see `dedup.decontaminate` for what counts.

    Raises RecipeError when no item has a field of `fields`, or none has `min_words` words.
    """
    grams, heads = [np.empty((2, 0), np.uint64)], [np.empty(0, np.uint64)]
    first_items = [0]
    strings = 0
    for path in paths:
        number = first_items[-1]
        for start, items in _batches(read_items(path, fields), number):
            number = start + len(items)
            strings += sum(len(item) for item in items)
            for hashes, item, head in _ngrams(items, ngram, min_words, min_distinct_words):
                grams.append(np.stack([hashes, (start + item).astype(np.uint64)]))
                heads.append(head)
        first_items.append(number)
    if not strings:
        raise RecipeError(f"against: no item of {len(paths)} files has text in {' or '.join(fields) or 'any field'}")
    pairs = np.concatenate(grams, axis=1)
    grams.clear()  # as large as the pairs
    if not pairs.size:
        raise RecipeError(f"against: none of {first_items[-1]} items has {min(min_words, ngram)} telling words")
    bounds = np.array(first_items, np.int64)
    index, owners, common = _rare(pairs, bounds, max_items)
    blocks = block_filter(index)
    firsts = np.searchsorted(index, np.arange(len(blocks), dtype=np.uint64) << _shift(blocks))
    return Index(
        hashes=index,
        owners=owners,
        filter=blocks,
        starts=np.append(firsts, len(index)),
        heads=block_filter(np.concatenate(heads)),
        shortest=min(min_words, ngram),
        longest=ngram,
        names=eval_names(paths),
        first_items=bounds,
        ignored_items=first_items[-1] - len(np.unique(pairs[1])),
        common_ngrams=common,
    )


def search(index: Index, words: Words) -> tuple[Int64s, Int64s, Int64s, Int64s]:
    """Return (document, place in index.hashes, first word, word after the last) of every indexed n-gram."""
    shifts = (_shift(index.filter), _shift(index.heads))
    tables = (index.hashes, index.filter, index.starts, index.heads, *shifts)
    room = 1 << 12
    while True:
        found = np.empty((4, room), np.int64)
        count = _search(words.offsets, words.hashes, index.shortest, index.longest, *tables, found)
        if count <= room:
            break
        room = count
    documents, places, begins, ends = found[:, :count]
    return documents, places, begins, ends


def once(index: Index, documents: Int64s, places: Int64s) -> tuple[Int64s, Int64s]:
    """Return (document, place) of what `search` found, each n-gram once in a document, sorted."""
    width = max(1, len(index.hashes))
    pairs = np.unique(documents * width + places)
    return pairs // width, pairs % width


def _batches(items: Iterator[list[str]], number: int) -> Iterator[tuple[int, list[list[str]]]]:
    batch: list[list[str]] = []
    size = 0
    for strings in items:
        batch.append(strings)
        size += sum(len(s) for s in strings)
        if size >= SEGMENT_BYTES:
            yield number, batch
            number += len(batch)
            batch, size = [], 0
    yield number, batch


def _ngrams(
    items: list[list[str]], ngram: int, min_words: int, min_distinct_words: int
) -> Iterator[tuple[UInt64s, Int64s, UInt64s]]:
    # n-grams, the item of each, and the first words of those that are shorter than `ngram`: first of whole items, which
    # have the n-grams of their fields, then of fields that are shorter
    joined = ["\n".join(strings) for strings in items]
    fields = [field for strings in items for field in strings]
    owners = np.repeat(np.arange(len(items)), [len(strings) for strings in items])
    shortest = min(min_words, ngram)
    for texts, item, most in ((joined, np.arange(len(items)), 1 << 62), (fields, owners, ngram - 1)):
        words = segment(texts).words
        grams = shingles(words, ngram)
        text = np.repeat(np.arange(len(texts)), np.diff(grams.offsets))
        wanted = (words.counts >= shortest) & (words.counts <= most)
        spelled = telling(words, grams.offsets, ngram)
        first = shingles(words, shortest)
        heads = first.hashes[first.offsets[:-1][wanted & (words.counts < ngram)]]
        chosen = wanted[text] & (spelled >= min(min_distinct_words, shortest))
        yield grams.hashes[chosen], item[text[chosen]], heads


def telling(words: Words, gram_offsets: Int64s, n: int) -> Int64s:
    """Return how many different words that are neither numbers nor single letters each n-gram holds, int64[n-grams]."""
    return _distinct_words(words.offsets, gram_offsets, words.hashes, _spelled(words), n)


def _spelled(words: Words) -> NDArray[np.bool_]:
    # Words that are no numbers and no single Latin letters: 1 for those that begin with a letter and have another, and
    # for every word that begins outside ASCII (a Chinese word may be one character).
    first = words.data[words.starts] if len(words.starts) else np.zeros(0, np.uint8)
    letter = ((first | 0x20) >= ord("a")) & ((first | 0x20) <= ord("z"))
    return (first >= 0x80) | (letter & (words.lengths_chars >= 2))


@njit(cache=True)
def _distinct_words(
    word_offsets: Int64s, gram_offsets: Int64s, hashes: UInt64s, spelled: NDArray[np.bool_], n: int
) -> Int64s:
    counts = np.zeros(gram_offsets[-1], np.int64)
    for d in range(len(word_offsets) - 1):
        last = word_offsets[d + 1]
        for g in range(gram_offsets[d], gram_offsets[d + 1]):
            start = word_offsets[d] + g - gram_offsets[d]
            for i in range(start, min(start + n, last)):
                if spelled[i]:
                    new = True
                    for j in range(start, i):
                        if hashes[j] == hashes[i]:
                            new = False
                            break
                    counts[g] += new
    return counts


def _rare(pairs: UInt64s, first_items: Int64s, max_items: int) -> tuple[UInt64s, Int64s, int]:
    # the n-grams that are in at most max_items items of any one file, and the first item of each
    pairs = pairs[:, np.lexsort(pairs[::-1])]  # by hash, then item
    new = np.ones(pairs.shape[1], bool)
    new[1:] = (pairs[:, 1:] != pairs[:, :-1]).any(axis=0)
    hashes, items = pairs[0][new], pairs[1][new].astype(np.int64)
    first = np.ones(len(hashes), bool)
    first[1:] = hashes[1:] != hashes[:-1]
    file = np.searchsorted(first_items, items, "right")
    begins = first.copy()
    begins[1:] |= file[1:] != file[:-1]
    starts = np.flatnonzero(begins)
    many = np.diff(np.append(starts, len(hashes))) > max_items
    common = np.unique(hashes[starts[many]])
    wanted = first & ~np.isin(hashes, common)
    return hashes[wanted], items[wanted], len(common)


def block_filter(hashes: UInt64s) -> UInt64s:
    """Return a Bloom filter in blocks of 64 bits, so that a probe reads one word of memory.

    The top bits of a hash are the block, its low 18 bits are three bits of it.
    """
    blocks = max(6, int(len(hashes) * FILTER_BITS // 64).bit_length())
    found = np.zeros(1 << blocks, np.uint64)
    np.bitwise_or.at(found, (hashes >> _shift(found)).astype(np.int64), _three_bits(hashes))
    return found


def in_filter(hashes: UInt64s, filter_: UInt64s) -> NDArray[np.bool_]:
    """Return which hashes a `block_filter` may hold, bool[hashes]."""
    return _in_filter(hashes, filter_, _shift(filter_))


def _shift(blocks: UInt64s) -> np.uint64:
    return np.uint64(65 - len(blocks).bit_length())


@njit(cache=True)
def _bits(h: np.uint64) -> np.uint64:
    one = np.uint64(1)
    low = np.uint64(63)
    return one << (h & low) | one << (h >> np.uint64(6) & low) | one << (h >> np.uint64(12) & low)


@njit(cache=True)
def _three_bits(hashes: UInt64s) -> UInt64s:
    found = np.empty(len(hashes), np.uint64)
    for i in range(len(hashes)):
        found[i] = _bits(hashes[i])
    return found


@njit(cache=True)
def _in_filter(hashes: UInt64s, filter_: UInt64s, shift: np.uint64) -> NDArray[np.bool_]:
    found = np.empty(len(hashes), np.bool_)
    for i in range(len(hashes)):
        bits = _bits(hashes[i])
        found[i] = filter_[np.int64(hashes[i] >> shift)] & bits == bits
    return found


@njit(cache=True)
def _place(h: np.uint64, hashes: UInt64s, filter_: UInt64s, starts: Int64s, shift: np.uint64) -> int:
    block = np.int64(h >> shift)
    bits = _bits(h)
    if filter_[block] & bits == bits:
        for place in range(starts[block], starts[block + 1]):
            if hashes[place] == h:
                return place
    return -1


@njit(cache=True)
def _search(
    offsets: Int64s,
    words: UInt64s,
    shortest: int,
    longest: int,
    hashes: UInt64s,
    filter_: UInt64s,
    starts: Int64s,
    heads: UInt64s,
    shift: np.uint64,
    head_shift: np.uint64,
    found: Int64s,
) -> int:
    # Writes as many hits as there is room for, and returns how many there are.
    base = np.uint64(BASE)
    leaving = np.uint64(1)
    head_leaving = np.uint64(1)
    for i in range(longest):
        leaving *= base
        if i < shortest:
            head_leaving *= base
    count = 0
    for d in range(len(offsets) - 1):
        start = offsets[d]
        stop = offsets[d + 1]
        state = np.uint64(0)
        head = np.uint64(0)
        for i in range(start, stop):
            state = state * base + words[i]
            head = head * base + words[i]
            if i - start >= longest:
                state -= words[i - longest] * leaving
            if i - start >= shortest:
                head -= words[i - shortest] * head_leaving
            if i - start >= longest - 1:
                place = _place(mix(state), hashes, filter_, starts, shift)
                if place >= 0:
                    if count < found.shape[1]:
                        found[0, count] = d
                        found[1, count] = place
                        found[2, count] = i - longest + 1
                        found[3, count] = i + 1
                    count += 1
            if i - start >= shortest - 1:
                h = mix(head)
                bits = _bits(h)
                if heads[np.int64(h >> head_shift)] & bits == bits:
                    longer = head
                    for j in range(i, min(stop, i + longest - shortest)):
                        if j > i:
                            longer = longer * base + words[j]
                        place = _place(mix(longer), hashes, filter_, starts, shift)
                        if place >= 0:
                            if count < found.shape[1]:
                                found[0, count] = d
                                found[1, count] = place
                                found[2, count] = i - shortest + 1
                                found[3, count] = j + 1
                            count += 1
    return count
