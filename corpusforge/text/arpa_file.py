"""ARPA files of n-gram models: log10 of probability, n-gram, log10 of backoff, tab between, a section per length."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import BinaryIO

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from corpusforge.engine.storage import whole_file
from corpusforge.errors import RecipeError
from corpusforge.text.arrays import Float32s, UInt32s, UInt64s
from corpusforge.text.lm_tokens import cut
from corpusforge.text.ngram_table import (
    NgramTable,
    encode,
    find_words,
    insert,
    next_keys,
    scale_of,
    slots_for,
    word_table,
)

_SPECIAL = ("<unk>", "<s>", "</s>")  # ids 0, 1, 2
_ROWS = 1 << 20  # written at a time
_BLOCK = 32 << 20


def write_arpa(path: Path, words: pa.Array, levels: Sequence[tuple[UInt32s, UInt32s, Float32s, Float32s]]) -> None:
    """Write a model; each level: first words, nodes without them on the level below, log10 probability, backoff.

    `words` are the strings of ids. Every suffix of an n-gram is in the model.
    """
    with whole_file(path) as temporary, open(temporary, "wb") as file:
        file.write(b"\\data\\\n")
        for k, level in enumerate(levels, 1):
            file.write(f"ngram {k}={len(level[0])}\n".encode())
        for k, (first, _, probability, backoff) in enumerate(levels, 1):
            file.write(f"\n\\{k}-grams:\n".encode())
            for at in range(0, len(first), _ROWS):
                rows = slice(at, at + _ROWS)
                text = _ngram_texts(words, levels[:k], np.arange(at, min(at + _ROWS, len(first))))
                columns = [pa.array(probability[rows]).cast(pa.string()), text]
                if k < len(levels):
                    columns.append(pa.array(backoff[rows]).cast(pa.string()))
                lines = pc.binary_join_element_wise(*columns, "\t")
                _write_lines(file, lines)
        file.write(b"\n\\end\\\n")


def _write_lines(file: BinaryIO, lines: pa.Array) -> None:
    joined = pc.binary_join_element_wise(lines, "\n", "")
    _, offsets, data = joined.buffers()
    end = np.frombuffer(offsets, np.int32, len(joined) + 1, 4 * joined.offset)
    file.write(memoryview(data)[end[0] : end[-1]])


def _ngram_texts(
    words: pa.Array, levels: Sequence[tuple[UInt32s, UInt32s, Float32s, Float32s]], nodes: np.ndarray
) -> pa.Array:
    columns = []
    for first, suffix, *_ in reversed(levels):
        columns.append(words.take(pa.array(first[nodes])))
        nodes = suffix[nodes]
    return pc.binary_join_element_wise(*columns, " ")


def read_arpa(path: Path) -> NgramTable:
    """Read an ARPA file into a table; RecipeError says what is wrong with it.

    Missing suffixes of an n-gram (pruned by some tools) are put in, with the probability that backing off gives them.
    A model without <unk> gets one of log10 probability -100, as KenLM does.
    """
    sections = _sections(path)
    names, probability, backoff = sections[0]
    hashes = _words_of(names, 1, path)[:, 0]
    table_hashes, table_ids, words = _vocabulary(names, hashes, probability, backoff)
    order = len(sections)
    grams: list[_Grams] = [_Grams(np.arange(len(words), dtype=np.uint32)[:, None], words[:, 0], words[:, 1])]
    for k, (texts, probability, backoff) in enumerate(sections[1:], 2):
        found = find_words(_words_of(texts, k, path).reshape(-1), table_hashes, table_ids)
        grams.append(_Grams(found.reshape(-1, k), probability, backoff))
    _add_missing_suffixes(grams)
    probabilities = scale_of(*(g.probability for g in grams[1:]))
    backoffs = scale_of(*(g.backoff for g in grams[1:]))
    slots = np.zeros(slots_for(sum(len(g.ids) for g in grams[1:])), np.uint64)
    for g in grams[1:]:
        insert(slots, g.keys, encode(g.probability, probabilities), encode(g.backoff, backoffs))
    return NgramTable(order, words, slots, table_hashes, table_ids, probabilities, backoffs)


class _Grams:
    """The n-grams of one length: ids uint32[n, k] from the first word on, and their log10 numbers."""

    def __init__(self, ids: UInt32s, probability: Float32s, backoff: Float32s) -> None:
        self.ids, self.probability, self.backoff = ids, probability, backoff
        self.keys = _keys(ids)


def _keys(ids: UInt32s) -> UInt64s:
    keys = np.zeros(0, np.uint64)
    for column in range(ids.shape[1] - 1, -1, -1):
        keys = next_keys(keys, np.ascontiguousarray(ids[:, column]))
    if not len(ids):
        keys = np.zeros(0, np.uint64)
    return keys


def _add_missing_suffixes(grams: list[_Grams]) -> None:
    added: list[UInt32s] = [np.zeros((0, g.ids.shape[1]), np.uint32) for g in grams]
    for k in range(len(grams) - 1, 1, -1):
        suffixes = np.concatenate([grams[k].ids, added[k]])[:, 1:]
        keys = _keys(suffixes)
        keys, first = np.unique(keys, return_index=True)
        missing = ~np.isin(keys, grams[k - 1].keys)
        added[k - 1] = np.ascontiguousarray(suffixes[first[missing]])
    for k in range(1, len(grams)):
        ids = added[k]
        if not len(ids):
            continue
        below = grams[k - 1]
        backoff = _look_up(below, _keys(ids[:, :-1]), below.backoff)
        lower = _look_up(below, _keys(ids[:, 1:]), below.probability)
        g = grams[k]
        zeros = np.zeros(len(ids), np.float32)
        grams[k] = _Grams(
            np.concatenate([g.ids, ids]),
            np.concatenate([g.probability, backoff + lower]),
            np.concatenate([g.backoff, zeros]),
        )


def _look_up(grams: _Grams, keys: UInt64s, values: Float32s) -> Float32s:
    order = np.argsort(grams.keys)
    place = np.minimum(np.searchsorted(grams.keys, keys, sorter=order), len(order) - 1)
    found = order[place]
    return np.where(grams.keys[found] == keys, values[found], np.float32(0)).astype(np.float32)


def _vocabulary(
    names: pa.Array, hashes: UInt64s, probability: Float32s, backoff: Float32s
) -> tuple[UInt64s, UInt32s, Float32s]:
    """Return the word table and the rows of words; specials have ids 0, 1, 2."""
    place = pc.index_in(names, pa.array(_SPECIAL, names.type)).fill_null(-1).to_numpy()
    ordinary = place < 0
    ids = np.empty(len(names), np.uint32)
    ids[~ordinary] = place[~ordinary]
    ids[ordinary] = 3 + np.arange(int(ordinary.sum()))
    words = np.zeros((3 + int(ordinary.sum()), 2), np.float32)
    words[0, 0] = words[2, 0] = -100
    words[ids, 0] = probability
    words[ids, 1] = backoff
    table_hashes, table_ids = word_table(hashes, ids)
    return table_hashes, table_ids, words


def _words_of(texts: pa.Array, k: int, path: Path) -> UInt64s:
    """Return the hashes of the words of n-grams, uint64[n-grams, k]."""
    texts = texts.cast(pa.large_string())
    _, offsets, data = texts.buffers()
    places = np.frombuffer(offsets, np.int64, len(texts) + 1, 8 * texts.offset).copy()
    tokens = cut(np.frombuffer(data or b"", np.uint8), places, np.arange(len(texts) + 1), "whitespace")
    wrong = np.flatnonzero(np.diff(tokens.offsets) != k)
    if len(wrong):
        raise RecipeError(f"{path}: '{texts[int(wrong[0])].as_py()}' is listed as an n-gram of {k} words")
    return tokens.hashes.reshape(-1, k)


def _sections(path: Path) -> list[tuple[pa.Array, Float32s, Float32s]]:
    """Return (n-grams, log10 probabilities, log10 backoffs) of each length."""
    sections: list[list[tuple[pa.Array, Float32s, Float32s]]] = []
    expected: list[int] = []
    ended = False
    for lines in _lines(path):
        marks = np.flatnonzero(pc.starts_with(lines, "\\").to_numpy(zero_copy_only=False))
        at = 0
        for mark in [*marks.tolist(), len(lines)]:
            part = lines.slice(at, mark - at)
            if sections and not ended:
                sections[-1].append(_rows(part, path))
            elif not ended:
                expected += [int(t.partition("=")[2]) for t in part.to_pylist() if t.startswith("ngram ") and "=" in t]
            at = mark + 1
            if mark < len(lines):
                word = lines[mark].as_py().strip()
                if word == f"\\{len(sections) + 1}-grams:":
                    sections.append([])
                elif word == "\\end\\":
                    ended = True
                elif word != "\\data\\":
                    raise RecipeError(f"{path}: '{word[:40]}' where \\{len(sections) + 1}-grams: or \\end\\ was due")
    made = []
    for k, parts in enumerate(sections, 1):
        texts = pa.concat_arrays([t for t, _, _ in parts]) if parts else pa.array([], pa.large_string())
        made.append((texts, *(np.concatenate([p[i] for p in parts]) for i in (1, 2))))
        if k > len(expected) or len(texts) != expected[k - 1]:
            said = expected[k - 1] if k <= len(expected) else "none"
            raise RecipeError(f"{path}: {len(texts)} n-grams of {k} words, and its head says {said}; is it complete?")
    if not ended or not made or len(made) != len(expected):
        raise RecipeError(f"{path} breaks off: there is no \\end\\ after {len(made)} of {len(expected)} sections")
    return [(texts, probability, backoff) for texts, probability, backoff in made]


def _rows(lines: pa.Array, path: Path) -> tuple[pa.Array, Float32s, Float32s]:
    lines = lines.filter(pc.not_equal(pc.utf8_trim_whitespace(lines), ""))
    parts = pc.extract_regex(lines, r"^(?P<p>[^\t]+)\t(?P<w>[^\t]+)(?:\t(?P<b>[^\t]*))?$")
    if parts.null_count:
        bad = lines.filter(parts.is_null())[0].as_py()
        raise RecipeError(f"{path}: '{bad[:60]}' is no 'probability<tab>n-gram<tab>backoff'")
    try:
        probability = pc.struct_field(parts, "p").cast(pa.float32()).to_numpy()
        given = pc.struct_field(parts, "b")
        backoff = pc.if_else(pc.equal(given, ""), "0", given).cast(pa.float32()).to_numpy()
    except pa.ArrowInvalid as error:
        raise RecipeError(f"{path}: {error}") from error
    return pc.struct_field(parts, "w").cast(pa.large_string()), probability, backoff


def _lines(path: Path) -> Iterator[pa.Array]:
    """Yield the lines of a file, some 32 MB at a time."""
    rest = b""
    with open(path, "rb") as file:
        while block := file.read(_BLOCK):
            block = rest + block
            end = block.rfind(b"\n") + 1
            rest = block[end:]
            if end:
                yield _split(block[: end - 1])
    if rest:
        yield _split(rest)


def _split(block: bytes) -> pa.Array:
    block = block.replace(b"\r\n", b"\n")
    data = np.frombuffer(block, np.uint8)
    ends = np.append(np.flatnonzero(data == 10), len(data) - 1)
    offsets = np.append(0, ends + 1).astype(np.int64)  # each line keeps its newline
    buffers = [None, pa.py_buffer(offsets), pa.py_buffer(block)]
    return pc.utf8_rtrim(pa.Array.from_buffers(pa.large_string(), len(ends), buffers), "\n")
