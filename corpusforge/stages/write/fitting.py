"""Compiled kernels of packing: which piece of which document stands in which sequence.

A plan is four arrays: document, start in it and tokens of each piece, in the order in which they are written, and the
first piece of each sequence with the number of pieces at the end. `offsets` are those of documents laid end to end.
"""

from typing import TypeAlias

import numpy as np
from numba import njit

Plan: TypeAlias = tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]


@njit(cache=True)
def cut(offsets: np.ndarray, length: int) -> Plan:
    """Lay documents end to end and cut every `length` tokens; only the last sequence can be shorter.

    >>> [part.tolist() for part in cut(np.array([0, 5, 6, 6, 9]), 4)]
    [[0, 0, 1, 3, 3], [0, 4, 0, 0, 2], [4, 1, 1, 2, 1], [0, 1, 4, 5]]
    """
    documents = len(offsets) - 1
    sequences = -(-offsets[documents] // length)
    document = np.empty(documents + sequences, np.int64)
    start = np.empty(documents + sequences, np.int64)
    tokens = np.empty(documents + sequences, np.int64)
    first = np.empty(sequences + 1, np.int64)
    pieces = sequence = 0
    room = np.int64(0)
    for i in range(documents):
        at = offsets[i]
        while at < offsets[i + 1]:
            if room == 0:
                first[sequence] = pieces
                sequence += 1
                room = np.int64(length)
            taken = min(room, offsets[i + 1] - at)
            document[pieces], start[pieces], tokens[pieces] = i, at - offsets[i], taken
            pieces += 1
            at += taken
            room -= taken
    first[sequence] = pieces
    return document[:pieces], start[:pieces], tokens[:pieces], first


@njit(cache=True)
def best_fit(offsets: np.ndarray, length: int) -> Plan:
    """Cut documents longer than `length` into full pieces and a rest, and put what is shorter where it fits best.

    Best-fit decreasing: longest first (of equal ones the earlier), each into the sequence with the least room that
    holds it, or into a new one. A tree over the rooms finds it in log(length) steps. Sequences are then ordered by
    their first piece, and the pieces of one as they came.

    >>> [part.tolist() for part in best_fit(np.array([0, 9, 10, 13, 15]), 4)]
    [[0, 0, 0, 2, 1, 3], [0, 4, 8, 0, 0, 0], [4, 4, 1, 3, 1, 2], [0, 1, 2, 4, 6]]
    """
    document, start, tokens = _pieces(offsets, length)
    bins, place = _placed(tokens, length)
    number = np.full(bins, -1, np.int64)  # sequences in the order of their first piece
    first = np.zeros(bins + 1, np.int64)
    seen = 0
    for i in range(len(tokens)):
        if number[place[i]] < 0:
            number[place[i]] = seen
            seen += 1
        first[number[place[i]] + 1] += 1
    first = np.cumsum(first)
    free = first.copy()
    order = np.empty(len(tokens), np.int64)
    for i in range(len(tokens)):
        sequence = number[place[i]]
        order[free[sequence]] = i
        free[sequence] += 1
    return document[order], start[order], tokens[order], first


@njit(cache=True)
def _pieces(offsets: np.ndarray, length: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    most = len(offsets) + offsets[-1] // length
    document, start, tokens = np.empty(most, np.int64), np.empty(most, np.int64), np.empty(most, np.int64)
    pieces = 0
    for i in range(len(offsets) - 1):
        for at in range(0, offsets[i + 1] - offsets[i], length):
            document[pieces], start[pieces] = i, at
            tokens[pieces] = min(length, offsets[i + 1] - offsets[i] - at)
            pieces += 1
    return document[:pieces], start[:pieces], tokens[:pieces]


@njit(cache=True)
def _placed(tokens: np.ndarray, length: int) -> tuple[int, np.ndarray]:
    """Return the number of sequences, and the one of each piece."""
    below = np.zeros(length + 2, np.int64)  # a counting sort, longest first
    for size in tokens:
        below[length - size + 1] += 1
    below = np.cumsum(below)
    order = np.empty(len(tokens), np.int64)
    for i in range(len(tokens)):
        order[below[length - tokens[i]]] = i
        below[length - tokens[i]] += 1
    leaves = 1
    while leaves <= length:
        leaves *= 2
    holds = np.zeros(2 * leaves, np.bool_)  # a node: some sequence has a room of this range; leaf `leaves + room`
    top = np.full(length + 1, -1, np.int64)  # of each room, the sequence opened or filled last
    under = np.empty(len(tokens), np.int64)  # of each sequence, the next one with the same room
    place = np.empty(len(tokens), np.int64)
    bins = 0
    for piece in order:
        size = tokens[piece]
        node = leaves + size
        if not holds[node]:  # up until there is something to the right
            while node > 1 and (node % 2 == 1 or not holds[node + 1]):
                node //= 2
            node += 1
        if node > 2:  # from the root it went to 2
            while node < leaves:
                node = 2 * node if holds[2 * node] else 2 * node + 1
            room = node - leaves
            chosen = top[room]
            top[room] = under[chosen]
            if top[room] < 0:
                _mark(holds, leaves + room, False)
        else:
            room, chosen = length, np.int64(bins)
            bins += 1
        place[piece] = chosen
        room -= size
        if room > 0:
            under[chosen] = top[room]
            if top[room] < 0:
                _mark(holds, leaves + room, True)
            top[room] = chosen
    return bins, place


@njit(cache=True)
def _mark(holds: np.ndarray, node: int, value: bool) -> None:
    holds[node] = value
    node //= 2
    while node:
        holds[node] = holds[2 * node] or holds[2 * node + 1]
        node //= 2


@njit(cache=True)
def gather(values: np.ndarray, offsets: np.ndarray, plan: Plan, begins: np.ndarray, out: np.ndarray) -> None:
    """Copy the pieces of each sequence to `out`, from `begins` of the sequence on."""
    document, start, tokens, first = plan
    for sequence in range(len(first) - 1):
        at = begins[sequence]
        for piece in range(first[sequence], first[sequence + 1]):
            source = offsets[document[piece]] + start[piece]
            out[at : at + tokens[piece]] = values[source : source + tokens[piece]]
            at += tokens[piece]
