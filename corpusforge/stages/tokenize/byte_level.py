"""Read a byte-level BPE tokenizer for the compiled encoder, or find that it is none that the encoder covers exactly."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from corpusforge.stages.tokenize.added_tokens import HIDDEN, OTHERWISE, AddedTokens, added_tokens
from corpusforge.stages.tokenize.bpe import EMPTY, first_merges, merge_table
from corpusforge.stages.tokenize.character_classes import NUMBER, table
from corpusforge.stages.tokenize.patterns import GPT2, TIKTOKEN_CUTS, Cut, known
from corpusforge.stages.tokenize.pre_token_cache import NO_TOKENS, Merging, token_bytes, token_table
from corpusforge.stages.tokenize.token_splits import reached, splits
from corpusforge.stages.tokenize.tokenizer_file import added_ids
from corpusforge.text.arrays import Int64s, UInt16s, UInt64s


class ByteLevel(NamedTuple):
    """A tokenizer as the compiled encoder needs it."""

    cuts: tuple[Cut, ...]  # one after another, each within the pieces of the one before
    classes: UInt16s
    merging: Merging
    added: tuple[AddedTokens, ...]  # one after another
    nfc: bool


def letters() -> dict[str, int]:
    """Return the byte that each letter of the byte-level alphabet stands for (Radford et al. 2019)."""
    printed = [*range(33, 127), *range(161, 173), *range(174, 256)]
    others = [byte for byte in range(256) if byte not in printed]
    return {chr(byte): byte for byte in printed} | {chr(256 + k): byte for k, byte in enumerate(others)}


def from_json(tokenizer: Mapping[str, Any], special_as_text: bool) -> ByteLevel | None:
    """Read a parsed tokenizer.json; None where only HF tokenizers gives its ids."""
    model = tokenizer["model"]
    cuts = _cuts(tokenizer.get("pre_tokenizer"))
    normalizers = _normalizers(tokenizer.get("normalizer"))
    if (
        model.get("type") != "BPE"
        or any(model.get(name) for name in ("dropout", "continuing_subword_prefix", "end_of_word_suffix"))
        or not {"NFC"}.issuperset(normalizers)
        or cuts is None
    ):
        return None
    vocabulary: dict[str, int] = model["vocab"]
    merging = _merging(vocabulary, model["merges"], bool(model.get("ignore_merges")))
    if merging is None:
        return None
    tables, numbers = [], added_ids(tokenizer)
    for normalized in (False, True):  # HF tokenizers looks for those of the text as it is first
        tokens = [t for t in tokenizer.get("added_tokens") or () if t["normalized"] == normalized and t["content"]]
        ids = [
            HIDDEN
            if t["special"] and special_as_text
            else OTHERWISE
            if t["lstrip"] or t["rstrip"] or t["single_word"]
            else numbers[t["content"]]
            for t in tokens
        ]
        if any(number != HIDDEN for number in ids):
            tables.append(added_tokens([t["content"].encode() for t in tokens], ids))
    return ByteLevel(cuts, table("tokenizers"), merging, tuple(tables), bool(normalizers))


def from_ranks(ranks: Mapping[bytes, int], pattern: str, special: Mapping[str, int]) -> ByteLevel | None:
    """Read tiktoken's ranks; None where only tiktoken gives its ids. `special`: the tokens that a text may spell."""
    cut = TIKTOKEN_CUTS.get(pattern)
    if cut is None or any(bytes([byte]) not in ranks for byte in range(256)):
        return None
    tokens = [b""] * (max(ranks.values()) + 1)
    for token, rank in ranks.items():
        tokens[rank] = token
    found = token_table(tokens)
    byte_ids = np.array([ranks[bytes([byte])] for byte in range(256)], np.int32)
    pairs, sieve = _ranked(*splits(*found))
    pairs, sieve = _ranked(*reached(*found[1:], byte_ids, first_merges(pairs, sieve, byte_ids), pairs, sieve))
    added = (added_tokens([text.encode() for text in special], list(special.values())),) if special else ()
    merging = Merging(byte_ids, first_merges(pairs, sieve, byte_ids), pairs, sieve, *found)
    return ByteLevel((cut,), table("tiktoken"), merging, added, False)


def _ranked(left: Int64s, right: Int64s, merged: Int64s) -> tuple[UInt64s, UInt64s]:
    """Return the table of merges and its sieve; a merge has the rank of the token it makes."""
    pairs, sieve = merge_table(left, right, merged)
    used = pairs[:, 0] != EMPTY
    made = pairs[used, 1] & np.uint64(0xFFFFFFFF)
    pairs[used, 1] = made << np.uint64(32) | made
    return pairs, sieve


def _merging(vocabulary: Mapping[str, int], merges: Sequence[Any], whole: bool) -> Merging | None:
    """Return the merges as arrays; None when a byte has no token or a token no byte, as HF tokenizers then differs."""
    alphabet = letters()
    if not alphabet.keys() <= vocabulary.keys() or len(set(vocabulary.values())) < len(vocabulary):
        return None
    pairs = [merge.split(" ") if isinstance(merge, str) else merge for merge in merges]
    try:
        left, right, merged = (
            np.fromiter((vocabulary[token] for token in tokens), np.int64, len(pairs))
            for tokens in ((a for a, _ in pairs), (b for _, b in pairs), (a + b for a, b in pairs))
        )
    except (KeyError, ValueError):
        return None
    pair_table, sieve = merge_table(left, right, merged)
    byte_ids = np.zeros(256, np.int32)
    for letter, byte in alphabet.items():
        byte_ids[byte] = vocabulary[letter]
    as_bytes = {ord(letter): byte for letter, byte in alphabet.items()}
    spelled = {
        number: token.translate(as_bytes).encode("latin-1")
        for token, number in vocabulary.items()
        if alphabet.keys() >= set(token)
    }
    if whole:
        tokens = token_table([spelled.get(number, b"") for number in range(max(spelled) + 1)])
    else:
        tokens = (NO_TOKENS[0], *token_bytes(list(spelled.values())))
    return Merging(byte_ids, first_merges(pair_table, sieve, byte_ids), pair_table, sieve, *tokens)


def _normalizers(normalizer: Mapping[str, Any] | None) -> list[str]:
    if normalizer is None:
        return []
    if normalizer["type"] == "Sequence":
        return [name for one in normalizer["normalizers"] for name in _normalizers(one)]
    return [normalizer["type"]]


def _cuts(pre_tokenizer: Mapping[str, Any] | None) -> tuple[Cut, ...] | None:
    if pre_tokenizer is None:
        return None
    steps = pre_tokenizer["pretokenizers"] if pre_tokenizer["type"] == "Sequence" else [pre_tokenizer]
    if not steps or steps[-1]["type"] != "ByteLevel" or steps[-1].get("add_prefix_space", True):
        return None
    found = []
    for step in steps[:-1]:
        if step["type"] == "Digits":
            cut: Cut | None = Cut("digits", 1 if step["individual_digits"] else 1 << 40) if _digits_agree() else None
        else:
            cut = _split(step)
        if cut is None:
            return None
        found.append(cut)
    if steps[-1].get("use_regex", True):
        found.append(known(GPT2) or Cut("gpt2"))
    return tuple(found)


def _split(step: Mapping[str, Any]) -> Cut | None:
    if step["type"] != "Split" or "Regex" not in step["pattern"]:
        return None
    pattern = step["pattern"]["Regex"]
    cut = known(pattern)
    if (step["behavior"], step["invert"]) == ("Isolated", False):
        return cut
    if (step["behavior"], step["invert"]) == ("Removed", True):  # the same where the pattern matches everything
        covers = cut is not None and cut.kind in ("gpt2", "cl100k", "o200k")
        return cut if covers else None
    return None


def _digits_agree() -> bool:
    r"""Does the Digits pre-tokenizer take for a digit what \p{N} matches; it has a table of its own."""
    from tokenizers import pre_tokenizers

    classes = table("tokenizers")
    numbers = (classes & NUMBER) != 0
    edges = np.flatnonzero(numbers[1:] != numbers[:-1])
    asked = np.unique(np.concatenate([edges, edges + 1, np.arange(0, 0xD800, 16), np.arange(0xE000, 0x20000, 16)]))
    pieces = pre_tokenizers.Digits(individual_digits=False).pre_tokenize_str("".join(map(chr, asked.tolist())))
    expected = numbers[asked]
    return all(expected[a:b].all() or not expected[a:b].any() for _, (a, b) in pieces)
