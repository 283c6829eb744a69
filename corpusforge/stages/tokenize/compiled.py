"""The compiled encoder: from the bytes of a batch's texts to their ids, exactly those of the reference."""

from collections.abc import Callable, Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numba import njit

from corpusforge.stages.tokenize.added_tokens import OTHERWISE, TEXT, spans
from corpusforge.stages.tokenize.byte_level import ByteLevel
from corpusforge.stages.tokenize.composition import may_change
from corpusforge.stages.tokenize.cutters import cut
from corpusforge.stages.tokenize.pre_token_cache import PreTokenCache
from corpusforge.text.arrays import Bools, Int64s, UInt8s, UInt32s

Texts = Callable[[Sequence[str]], list[list[int]]]  # the reference: texts -> ids


class CompiledEncoder:
    """Encodes batches of texts; texts with tokens that only the reference knows how to find go to it."""

    def __init__(self, tokenizer: ByteLevel, reference: Texts, normalize: Callable[[str], str] | None = None) -> None:
        self._tokenizer, self._reference, self._normalize = tokenizer, reference, normalize
        self.cache = PreTokenCache(tokenizer.merging)

    def encode(self, texts: pa.LargeStringArray) -> tuple[UInt32s, Int64s]:
        """Return the ids of texts, none of them null, end to end, and where each text's begin, int64[texts + 1]."""
        data, offsets = text_buffers(texts)
        left = np.zeros(len(texts), bool)  # to the reference
        if self._tokenizer.nfc and (changed := may_change(data, offsets)).any():
            texts, left = self._normalized(texts, changed)
            data, offsets = text_buffers(texts)
        starts, ends = offsets[:-1], offsets[1:]
        kinds = np.full(len(texts), TEXT, np.int64)
        first = np.arange(len(texts) + 1)  # span of each document
        for tokens in self._tokenizer.added:
            if (found := spans(data, starts, ends, kinds, tokens)) is not None:
                starts, ends, kinds, inside = found
                first = inside[first]
        if len(kinds) == len(texts) and not left.any() and (kinds == TEXT).all():
            return self._pieces(data, starts, ends)
        # Documents with a token of OTHERWISE are the reference's; so are some that NFC changes.
        document = np.repeat(np.arange(len(texts)), np.diff(first))
        left[document[kinds == OTHERWISE]] = True
        is_text = (kinds == TEXT) & ~left[document]
        ids, places = self._pieces(data, starts[is_text], ends[is_text])
        others = self._reference([text.as_py() for text in texts.filter(pa.array(left))]) if left.any() else []
        other_ids = np.array([number for one in others for number in one], np.uint32)
        other_places = np.cumsum([0, *map(len, others)])
        return _joined(first, kinds, is_text, left, ids, places, other_ids, other_places)

    def _pieces(self, data: UInt8s, starts: Int64s, ends: Int64s) -> tuple[UInt32s, Int64s]:
        starts, ends = np.ascontiguousarray(starts), np.ascontiguousarray(ends)
        offsets = np.arange(len(starts) + 1)
        for how in self._tokenizer.cuts:
            starts, ends, inside = cut(data, starts, ends, self._tokenizer.classes, how)
            offsets = inside[offsets]
        if not self._tokenizer.cuts:
            some = ends > starts
            offsets = np.concatenate([[0], np.cumsum(some)])
            starts, ends = starts[some], ends[some]
        return self.cache.encode(data, starts, ends, offsets)

    def _normalized(self, texts: pa.LargeStringArray, changed: Bools) -> tuple[pa.LargeStringArray, Bools]:
        """Normalize the texts that may need it; those that might hold an added token are left to the reference."""
        assert self._normalize is not None
        before = [text.as_py() for text in texts.filter(pa.array(changed))]
        after = [self._normalize(text) for text in before]
        rows = np.flatnonzero(changed)
        left = np.zeros(len(texts), bool)
        for some in (before, after):
            left[rows] |= self._holds_a_token(pa.array(some, pa.large_string()))
        right = [a if left[row] else b for a, b, row in zip(before, after, rows, strict=True)]
        return pc.replace_with_mask(texts, pa.array(changed), pa.array(right, pa.large_string())), left

    def _holds_a_token(self, texts: pa.LargeStringArray) -> Bools:
        data, offsets = text_buffers(texts)
        kinds = np.full(len(texts), TEXT, np.int64)
        held = np.zeros(len(texts), bool)
        for tokens in self._tokenizer.added:
            if (found := spans(data, offsets[:-1], offsets[1:], kinds, tokens)) is not None:
                _, _, inside, places = found
                held |= np.diff(np.concatenate([[0], np.cumsum(inside != TEXT)])[places]) > 0
        return held


def text_buffers(texts: pa.LargeStringArray) -> tuple[UInt8s, Int64s]:
    """Return the bytes and offsets of an array without nulls."""
    _, offsets, data = texts.buffers()
    found = np.frombuffer(offsets, np.int64, len(texts) + 1, 8 * texts.offset) if offsets else np.zeros(1, np.int64)
    return np.frombuffer(data, np.uint8) if data else np.zeros(1, np.uint8), found


@njit(cache=True)
def _joined(
    first: Int64s,
    kinds: Int64s,
    is_text: Bools,
    left: Bools,
    ids: UInt32s,
    places: Int64s,
    other_ids: UInt32s,
    other_places: Int64s,
) -> tuple[UInt32s, Int64s]:
    """Put the ids of every document's spans end to end; `places`: of text spans, `other_places`: of documents left."""
    out = np.empty(len(ids) + len(kinds) + len(other_ids), np.uint32)
    offsets = np.zeros(len(left) + 1, np.int64)
    made, text, other = 0, 0, 0
    for d in range(len(left)):
        if left[d]:
            for k in range(other_places[other], other_places[other + 1]):
                out[made] = other_ids[k]
                made += 1
            other += 1
        else:
            for span in range(first[d], first[d + 1]):
                if is_text[span]:
                    for k in range(places[text], places[text + 1]):
                        out[made] = ids[k]
                        made += 1
                    text += 1
                else:
                    out[made] = np.uint32(kinds[span])
                    made += 1
        offsets[d + 1] = made
    return out[:made], offsets
