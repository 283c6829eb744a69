"""Sorted sets of hashes, and how much of them two share."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from corpusforge.stages.dedup.keepers import needed, shared_count, similarity_of, sort_distinct

HASHES = st.lists(st.one_of(st.integers(0, 2**64 - 1), st.integers(0, 9), st.integers(2**64 - 9, 2**64 - 1)))


def ordered(values: list[int]) -> list[int]:
    room = np.empty(len(values) + 1, np.uint64)
    return room[: sort_distinct(np.array(values, np.uint64), room)].tolist()


@settings(deadline=None)
@given(HASHES, st.integers(1, 3))
def test_a_set_is_sorted_and_has_each_hash_once(values: list[int], times: int) -> None:
    assert ordered(values * times) == sorted(set(values))


def test_hashes_made_to_collide_are_sorted_all_the_same() -> None:
    values = np.random.default_rng(0).permutation(50_000).astype(np.uint64)  # all in one bucket
    assert ordered(values.tolist()) == list(range(50_000))


@settings(deadline=None)
@given(st.sets(st.integers(0, 30)), st.sets(st.integers(0, 30)), st.integers(0, 30))
def test_what_two_sets_share_is_counted_unless_it_is_too_little(mine: set[int], others: set[int], need: int) -> None:
    counted = shared_count(np.array(sorted(mine), np.uint64), np.array(sorted(others), np.uint64), need)
    both = len(mine & others)
    assert counted == both or (counted == -1 and both < need)


@settings(deadline=None)
@given(st.integers(1, 60), st.integers(1, 60), st.floats(0, 1), st.booleans())
def test_the_needed_count_is_the_least_that_reaches_the_bound(
    mine: int, others: int, verify: float, containment: bool
) -> None:
    need = needed(mine, others, verify, containment)
    possible = [n for n in range(min(mine, others) + 1) if similarity_of(n, mine, others, containment) >= verify]
    assert need == possible[0] if possible else need > min(mine, others)
