"""What quality.toxicity counts in every sentence: listed words, and what stands around them."""

import numpy as np
from numba import njit

from corpusforge.stages.quality.toxic_disguise import find, holds, is_plain, spaced, undisguise
from corpusforge.stages.quality.toxic_model import FEATURES
from corpusforge.stages.quality.toxic_words import BIT, MORE, PRIME, ToxicWords
from corpusforge.text.arrays import Bools, Floats, Int32s, Int64s, UInt8s, UInt32s, UInt64s
from corpusforge.text.batch import TextBatch

_F_SWEAR, _F_MILD, _F_ABUSE, _F_SLUR, _F_OBSCENE, _F_HOSTILE = range(6)
_F_IDIOT_YOU, _F_IDIOT_THEY, _F_IDIOT_ELSE, _F_CONTEMPT_YOU, _F_CONTEMPT_THEY, _F_CONTEMPT_ELSE = range(6, 12)
_F_ATTACK_GROUP, _F_ATTACK_THEY, _F_DEED_GROUP, _F_EVERY_GROUP, _F_ABUSE_AIMED, _F_KIND = range(12, 18)
_F_DARK = 18
_COUNT = len(FEATURES)

_SWEAR, _MILD, _ABUSE, _SLUR = (BIT[n] for n in ("swear", "mild", "abuse", "slur"))
_OBSCENE, _IDIOT, _CONTEMPT, _BEAST = (BIT[n] for n in ("obscene", "idiot", "contempt", "beast"))
_HARM, _HOSTILE, _HATE = (BIT[n] for n in ("harm", "hostile", "hate"))
_YOU, _THEY, _IDENTITY, _PARTY = (BIT[n] for n in ("you", "they", "identity", "party"))
_AM, _MODAL, _NOT, _REPORT, _SELF, _KIND = (BIT[n] for n in ("am", "modal", "not", "report", "self", "kind"))
_DEED, _RIGHT, _EVERY, _DARK = (BIT[n] for n in ("deed", "right", "every", "dark"))
_SPELLED = _SWEAR | _ABUSE | _SLUR | _OBSCENE | _IDIOT | _CONTEMPT  # what odd spellings stand for
_AIMED = _SWEAR | _ABUSE | _SLUR | _IDIOT | _CONTEMPT | _HARM | _HATE  # the next words say at whom
_TELLING = (
    _SPELLED | _MILD | _BEAST | _HARM | _HOSTILE | _HATE | _IDENTITY | _KIND | _DARK
)  # others alone count nothing
_WORDS = ~MORE & (1 << 32) - 1
_PART = 1 << 30  # of an entry that began at an earlier word
_QUOTED = 1 << 29  # stands between quotation marks
_FAR = 1 << 20


def count_features(text: TextBatch, words: ToxicWords, languages: Int32s) -> tuple[Floats, Int64s]:
    """Return what is counted in each sentence, float64[sentences, len(FEATURES)], and its words, int64[sentences].

    `languages` int32[documents]: an index into `words.names`, -1 for none.
    """
    cut = text.words
    kinds = _kinds(
        *(text.data, text.offsets, cut.offsets, cut.starts, cut.ends, cut.hashes, cut.lengths_chars),
        *(languages, words.salts, words.keys, words.kinds, words.masked_keys, words.masked_kinds),
        *(words.inside, words.inside_lengths, words.glance),
    )
    sentences = text.sentences
    return _features(sentences.offsets, sentences.ends, cut.offsets, cut.starts, kinds)


@njit(cache=True)
def _kinds(
    data: UInt8s,
    texts: Int64s,
    offsets: Int64s,
    starts: Int64s,
    ends: Int64s,
    hashes: UInt64s,
    lengths: Int32s,
    languages: Int32s,
    salts: UInt64s,
    keys: UInt64s,
    table: UInt32s,
    masked_keys: UInt64s,
    masked: UInt32s,
    inside: UInt8s,
    inside_lengths: Int64s,
    glance: Bools,
) -> UInt32s:
    """Return the classes of each word: those of the longest entry that begins there; _PART in the rest of it."""
    kinds = np.zeros(len(starts), np.uint32)
    for d in range(len(offsets) - 1):
        if languages[d] < 0:
            continue
        salt = salts[languages[d]]
        at = offsets[d]
        stop = offsets[d + 1]
        quoted = False
        read = texts[d]
        while at < stop:
            quoted = _is_quoted(data, read, starts[at], quoted)
            read = ends[at]
            bits = np.uint32(0)
            taken = 1
            if lengths[at] == 1 and at + 3 < stop and lengths[at + 1] == 1 and lengths[at + 2] == 1:
                bits, taken = spaced(data, at, stop, starts, ends, lengths, salt, keys, table)
                bits &= np.uint32(_SPELLED)
                taken = taken if bits else 1
            if bits == 0:
                state = (salt ^ hashes[at]) * PRIME
                entry = find(keys, table, state)
                bits = entry & np.uint32(_WORDS)
                more = at + 1
                while entry & np.uint32(MORE) and more < stop and _adjacent(data, ends[more - 1], starts[more]):
                    state = (state ^ hashes[more]) * PRIME
                    entry = find(keys, table, state)
                    more += 1
                    if entry & np.uint32(_WORDS):
                        bits = entry & np.uint32(_WORDS)
                        taken = more - at
            if bits == 0 and not is_plain(data, texts[d], starts[at], ends[at], texts[d + 1]):
                bits, end = undisguise(
                    data, texts[d], starts[at], ends[at], texts[d + 1], salt, keys, table, masked_keys, masked
                )
                bits &= np.uint32(_SPELLED)
                if bits:
                    while at + taken < stop and starts[at + taken] < end:
                        taken += 1
            if (
                bits == 0
                and ends[at] - starts[at] >= 6
                and holds(data, starts[at], ends[at], inside, inside_lengths, glance)
            ):
                bits = np.uint32(_ABUSE)
            kinds[at] = bits | np.uint32(_QUOTED) if bits and quoted else bits
            for i in range(at + 1, at + taken):
                kinds[i] = _PART
            at += taken
    return kinds


@njit(cache=True)
def _is_quoted(data: UInt8s, begin: int, end: int, quoted: bool) -> bool:
    """Tell whether what follows `data[begin:end]` is in double quotation marks; `quoted`: what came before was."""
    for at in range(begin, end):
        byte = data[at]
        if byte == 34:
            quoted = not quoted
        elif byte == 10:
            quoted = False
        elif byte == 0xE2 and at + 2 < end and data[at + 1] == 0x80:
            if data[at + 2] == 0x9C:  # left, as right in German
                quoted = True
            elif data[at + 2] == 0x9D:
                quoted = False
    return quoted


@njit(cache=True)
def _adjacent(data: UInt8s, end: int, start: int) -> bool:
    """Tell whether two words stand in one clause: at most three bytes between them and none of . ! ? ; : or a break."""
    if start - end > 3:
        return False
    for at in range(end, start):
        byte = data[at]
        if byte == 33 or byte == 46 or byte == 63 or byte == 58 or byte == 59 or byte == 10 or byte == 13:
            return False
    return True


@njit(cache=True)
def _features(
    sentence_offsets: Int64s, sentence_ends: Int64s, offsets: Int64s, starts: Int64s, kinds: UInt32s
) -> tuple[Floats, Int64s]:
    found = np.zeros((len(sentence_ends), _COUNT), np.float64)
    counts = np.zeros(len(sentence_ends), np.int64)
    for d in range(len(offsets) - 1):
        at = offsets[d]
        for s in range(sentence_offsets[d], sentence_offsets[d + 1]):
            first = at
            all_kinds = np.int64(0)
            while at < offsets[d + 1] and starts[at] < sentence_ends[s]:
                all_kinds |= np.int64(kinds[at])
                at += 1
            counts[s] = at - first
            if all_kinds & _TELLING:
                _sentence(kinds, first, at, all_kinds & _REPORT != 0, found[s])
    return found, counts


@njit(cache=True)
def _sentence(kinds: UInt32s, first: int, stop: int, reported: bool, found: Floats) -> None:
    """Count in one sentence, the words `first:stop`. Distances are in entries.

    `reported`: a word of speech stands in it, and what is quoted is not the writer's.
    """
    place = 0
    you = they = group = party = am = no = report = own = modal = every = -_FAR  # the last place of each class
    for i in range(first, stop):
        bits = np.int64(kinds[i])
        if bits == _PART:
            continue
        place += 1
        if bits == 0:
            continue
        ahead = _ahead(kinds, i, stop) if bits & _AIMED else 0
        weight = 0.3 if place - report <= 5 or (reported and bits & _QUOTED) else 1.0
        negated = place - no <= 3
        to_you = place - you <= 4 and (place - am <= 4 or place - you <= 2)
        to_group = place - group <= 6 and place - am <= 4 and am >= group
        to_party = place - party <= 6 and place - am <= 4
        to_they = (place - they <= 6 and (place - am <= 4 or place - they <= 2)) or to_party or ahead & _PARTY != 0
        to_self = place - own <= 4 and place - am <= 4 and own > max(you, group, they)
        if bits & _SWEAR:
            found[_F_SWEAR] += weight
        if bits & _MILD:
            found[_F_MILD] += weight
        if bits & _ABUSE:
            found[_F_ABUSE] += weight
        if bits & _SLUR:
            found[_F_SLUR] += weight
        if bits & _OBSCENE:
            found[_F_OBSCENE] += weight
        if bits & _HOSTILE and not negated:
            found[_F_HOSTILE] += weight
        if bits & (_ABUSE | _SWEAR | _SLUR) and (to_you or to_group or ahead & (_YOU | _IDENTITY | _PARTY)):
            found[_F_ABUSE_AIMED] += weight
        if not negated and not to_self:
            if bits & (_IDIOT | _CONTEMPT | _BEAST) and to_group and not to_you:
                found[_F_ATTACK_GROUP] += weight
            else:
                if bits & _IDIOT:
                    found[_F_IDIOT_YOU if to_you else _F_IDIOT_THEY if to_they else _F_IDIOT_ELSE] += weight
                if bits & _CONTEMPT:
                    found[_F_CONTEMPT_YOU if to_you else _F_CONTEMPT_THEY if to_they else _F_CONTEMPT_ELSE] += weight
                elif bits & _BEAST and (to_they or to_you) and place - am <= 4:
                    found[_F_ATTACK_THEY] += weight
            if bits & _HARM:
                wished = place - modal <= 4 or place == 1
                passive = place - modal <= 4 and place - am <= 2
                if (wished and ahead & _IDENTITY) or (passive and place - group <= 8):
                    found[_F_ATTACK_GROUP] += weight
                elif (wished and ahead & (_YOU | _THEY | _PARTY)) or (passive and place - max(they, you, party) <= 8):
                    found[_F_ATTACK_THEY] += weight
            if bits & _HATE and (place - own <= 3 or place <= 2):
                if ahead & _IDENTITY:
                    found[_F_ATTACK_GROUP] += weight
                elif ahead & (_YOU | _THEY | _PARTY):
                    found[_F_ATTACK_THEY] += weight
        if bits & _DEED and place - group <= 4 and not negated:
            found[_F_DEED_GROUP] += weight
        if bits & _RIGHT and place - no <= 4 and 0 < no - group <= 4:
            found[_F_ATTACK_GROUP] += weight
        if (bits & _EVERY and place - group <= 2) or (bits & _IDENTITY and place - every <= 2):
            found[_F_EVERY_GROUP] += weight
        if bits & _KIND:
            found[_F_KIND] += 1
        if bits & _DARK and not bits & _SPELLED and not negated:
            found[_F_DARK] += weight
        you = place if bits & _YOU else you
        they = place if bits & _THEY else they
        group = place if bits & _IDENTITY else group
        party = place if bits & _PARTY else party
        am = place if bits & _AM else am
        no = place if bits & _NOT else no
        report = place if bits & _REPORT else report
        own = place if bits & _SELF else own
        modal = place if bits & _MODAL else modal
        every = place if bits & _EVERY else every


@njit(cache=True)
def _ahead(kinds: UInt32s, i: int, stop: int) -> int:
    """Return the classes of the next three entries."""
    found = np.int64(0)
    seen = 0
    for j in range(i + 1, stop):
        if kinds[j] == _PART:
            continue
        seen += 1
        if seen > 3:
            break
        found |= np.int64(kinds[j])
    return int(found)
