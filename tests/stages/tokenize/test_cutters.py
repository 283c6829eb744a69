"""The compiled cutters cut as the regular expressions they stand for, and the cache answers as the merges do."""

from itertools import pairwise
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from tokenizers import Regex, pre_tokenizers

from corpusforge.stages.tokenize import character_classes
from corpusforge.stages.tokenize.bpe import SHORT, encode_long, encode_short, first_merges, merge_table
from corpusforge.stages.tokenize.compiled import text_buffers
from corpusforge.stages.tokenize.cutters import cut
from corpusforge.stages.tokenize.patterns import CUTS
from corpusforge.stages.tokenize.pre_token_cache import NO_TOKENS, Merging, PreTokenCache, token_bytes

LOOKED_AT = "aAsStTlLdDmMrReEvV''   \n\r\t019.,!/-_\u0301\u00a0\u3000\u2028ſ\u212aéßǅʰª東゛・カ٣²Ⅷ\u200d\x00👩Я\u0e34"
TEXTS = st.lists(
    st.text(LOOKED_AT, max_size=24)
    | st.text(max_size=8)
    | st.text("azAZ", max_size=20)
    | st.text("az@[`{/:09é一 ", max_size=40),
    max_size=6,
)


@pytest.mark.parametrize("pattern", CUTS, ids=lambda pattern: "-".join(map(str, CUTS[pattern])))
def test_cuts_are_those_of_the_pattern(pattern: str) -> None:
    split = pre_tokenizers.Split(Regex(pattern), "isolated")

    @settings(deadline=None, max_examples=150)
    @given(TEXTS)
    @example(["'S'ſ'll'LLx 'reé", "a \n  b\n\n  ", "  12345Ⅷ²", "ABcDÉé\u0301ǅªB's"])
    def check(texts: list[str]) -> None:
        data, offsets = text_buffers(pa.array(texts, pa.large_string()))
        starts, ends, places = cut(
            data, offsets[:-1].copy(), offsets[1:].copy(), character_classes.table("tokenizers"), CUTS[pattern]
        )
        raw = data.tobytes()
        for number, text in enumerate(texts):
            found = [raw[starts[i] : ends[i]].decode() for i in range(places[number], places[number + 1])]
            assert found == [piece for piece, _ in split.pre_tokenize_str(text)]

    check()


@given(st.binary(max_size=40))
def test_bytes_that_are_no_utf8_are_cut_without_a_hole(data: bytes) -> None:
    array = np.frombuffer(data or b"\0", np.uint8)
    for how in CUTS.values():
        starts, ends, _ = cut(array, np.array([0]), np.array([len(data)]), character_classes.table("tokenizers"), how)
        assert np.array_equal(starts[1:], ends[:-1]) and (ends > starts).all()
        assert not data or (starts[0], ends[-1]) == (0, len(data))


@pytest.mark.parametrize("reference", ["tokenizers", "tiktoken"])
def test_classes_are_those_of_the_reference_and_are_asked_for_when_it_knows_others(
    reference: Any, monkeypatch: Any
) -> None:
    character_classes.table.cache_clear()
    asked: list[int] = []
    monkeypatch.setattr(character_classes, "derived", lambda matched: asked.append(1))
    found = character_classes.table(reference)
    assert not asked and found[ord("A")] & character_classes.LETTER and found[0x3000] & character_classes.SPACE
    character_classes.table.cache_clear()
    monkeypatch.setattr(character_classes, "tokenizers_matched", lambda pattern, codes: np.zeros(len(codes), bool))
    character_classes.table("tokenizers")
    assert asked
    character_classes.table.cache_clear()


MERGES = [(97, 97), (97, 98), (98, 99), (256, 97), (257, 99), (99, 258), (256, 256), (258, 98)]


SPELLED = (b"aa", b"ab", b"bc", b"aaa", b"abc", b"cbc", b"aaaa", b"bcb")
TOKENS = [*(bytes([byte]) for byte in range(256)), *SPELLED, b"cc", b"abab"]  # the last two no merge makes


def merging(tokens: tuple[Any, ...] = NO_TOKENS[1:]) -> Merging:
    left, right = (np.array(side) for side in zip(*MERGES, strict=True))
    table, sieve = merge_table(left, right, np.arange(256, 256 + len(MERGES)))
    byte_ids = np.arange(256, dtype=np.int32)
    return Merging(byte_ids, first_merges(table, sieve, byte_ids), table, sieve, NO_TOKENS[0], *tokens)


def merged(piece: bytes) -> list[int]:
    """Merge the pair of least rank, leftmost first, until there is none."""
    ids = list(piece)
    while True:
        ranks = [(MERGES.index(pair), i) for i, pair in enumerate(pairwise(ids)) if pair in MERGES]
        if not ranks:
            return ids
        rank, i = min(ranks)
        ids[i : i + 2] = [256 + rank]


@settings(deadline=None)
@given(
    st.lists(st.text("abcd", min_size=1, max_size=70).map(str.encode), max_size=30), st.sampled_from([16, 512, 1024])
)
@example([b"cc", b"abab", b"abc", b"ab" * 30], 512)
def test_the_cache_gives_the_ids_that_merging_gives(pieces: list[bytes], slots: int) -> None:
    cache = PreTokenCache(merging(token_bytes(TOKENS)), max_slots=slots)
    assert len(cache) == (len(TOKENS) if slots > 16 else 0)
    data = np.frombuffer(b"".join(pieces) or b"\0", np.uint8)
    ends = np.cumsum([len(piece) for piece in pieces], dtype=np.int64)
    starts = ends - [len(piece) for piece in pieces] if pieces else ends
    places = np.array([0, len(pieces) // 2, len(pieces) // 2, len(pieces)])
    wanted = [merged(piece) for piece in pieces]
    for _ in range(2):
        ids, offsets = cache.encode(data, starts.astype(np.int64), ends, places)
        assert ids.tolist() == [number for one in wanted for number in one]
        assert offsets.tolist() == [sum(map(len, wanted[:place])) for place in places]


@settings(deadline=None)
@given(st.text("abc", min_size=1, max_size=SHORT).map(str.encode))
def test_short_and_long_pieces_are_merged_alike(piece: bytes) -> None:
    one, data = merging(), np.frombuffer(piece, np.uint8)
    ids, ranks = np.empty(SHORT, np.int64), np.empty(SHORT, np.uint64)
    count = encode_short(data, 0, len(piece), one.byte_ids, one.first, one.table, one.sieve, ids, ranks, 1)
    long = encode_long(data, 0, len(piece), one.byte_ids, one.first, one.table, one.sieve)
    assert ids[:count].tolist() == long.tolist() == merged(piece)


@pytest.mark.parametrize(("tokens", "slots"), [(NO_TOKENS[1:], 256), (token_bytes(TOKENS), 512)])
def test_the_cache_is_bounded_and_goes_on_when_it_is_full(tokens: Any, slots: int) -> None:
    cache = PreTokenCache(merging(tokens), max_slots=slots)
    for turn in range(40):
        pieces = [f"{turn}-{i}".encode() * (1 + i % 5) for i in range(100)]
        data = np.frombuffer(b"".join(pieces), np.uint8)
        ends = np.cumsum([len(piece) for piece in pieces])
        ids, _ = cache.encode(data, ends - [len(piece) for piece in pieces], ends, np.array([0, 100]))
        assert ids.tolist() == [number for piece in pieces for number in merged(piece)]
        assert len(cache) <= slots and cache.nbytes < 300_000
