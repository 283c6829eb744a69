r"""Chunks: pieces of a text that a byte-level BPE tokenizer encodes alike alone and inside the text.

Natural text repeats words, so the ids of a chunk can be remembered. A text is cut between

    a character that is not white space | a space
    an ASCII letter                     | one of , . ; : ! ? ) or a line feed

which is right for a tokenizer if no match of its pre-tokenizer's pattern crosses a cut, and none looks across one. The
patterns below are those of which both are true: they have no look-behind; the only look-ahead, `\s+(?!\S)`, cannot
reach the end of a chunk, which is no white space unless the text ends; no alternative matches a space after anything
but white space, or one of the listed signs after a letter. A normalizer must leave ASCII alone (NFC composes nothing
with an ASCII character after it). Other tokenizers encode whole texts.
"""

import re
from collections.abc import Mapping
from typing import Any

CHUNK = re.compile(r" ?[A-Za-z]++(?=[ ,.;:!?)\n]|\Z)|[\s\S]+?(?:(?<=[A-Za-z])(?=[ ,.;:!?)\n])|(?<=\S)(?= )|\Z)")
WORD = re.compile(r" ?[A-Za-z]?[a-z]*")  # a chunk of this form is one pre-token under every pattern below

GPT2 = r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"
CL100K = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*"
    r"|\s*[\r\n]+|\s+(?!\S)|\s+"
)
_CAPITALS, _SMALL = r"[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]", r"[\p{Ll}\p{Lm}\p{Lo}\p{M}]"
_SUFFIX = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)?"
O200K = (
    rf"[^\r\n\p{{L}}\p{{N}}]?{_CAPITALS}*{_SMALL}+{_SUFFIX}|[^\r\n\p{{L}}\p{{N}}]?{_CAPITALS}+{_SMALL}*{_SUFFIX}"
    r"|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)
PATTERNS = frozenset(
    {
        GPT2,
        CL100K,  # GPT-4, Llama 3
        CL100K.replace("{1,3}", ""),  # Qwen 2
        O200K,
        r"\p{N}{1,3}",  # DeepSeek V3: three in a row
        "[一-龥\u3040-ゟ゠-ヿ]+",
        r"""[!"#$%&'()*+,\-./:;<=>?@\[\\\]^_`{|}~][A-Za-z]+|[^\r\n\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+"""
        r"""| ?[\p{P}\p{S}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+""",
    }
)


def spanning(tokenizer: Mapping[str, Any], special_as_text: bool) -> tuple[str, ...] | None:
    """Return the added tokens that span a cut, from a parsed tokenizer.json; None when its texts cannot be cut.

    A text that holds one of them must be encoded whole.
    """
    model = tokenizer["model"]
    normalizers = _normalizers(tokenizer.get("normalizer"))
    if (
        model.get("type") != "BPE"
        or any(model.get(name) for name in ("dropout", "continuing_subword_prefix", "end_of_word_suffix"))
        or not {"NFC"}.issuperset(normalizers)
        or not _cuts_as_listed(tokenizer.get("pre_tokenizer"))
    ):
        return None
    added = [t for t in tokenizer.get("added_tokens") or () if not (t["special"] and special_as_text)]
    if any(token.get(flag) for token in added for flag in ("lstrip", "rstrip", "single_word")):
        return None
    found = tuple(token["content"] for token in added if len(CHUNK.findall(token["content"])) != 1)
    if any(WORD.fullmatch(token["content"]) for token in added) or (found and normalizers):
        return None  # with a normalizer, a text may hold a token in another spelling
    return found


def _normalizers(normalizer: Mapping[str, Any] | None) -> list[str]:
    if normalizer is None:
        return []
    if normalizer["type"] == "Sequence":
        return [name for one in normalizer["normalizers"] for name in _normalizers(one)]
    return [normalizer["type"]]


def _cuts_as_listed(pre_tokenizer: Mapping[str, Any] | None) -> bool:
    if pre_tokenizer is None:
        return False
    steps = pre_tokenizer["pretokenizers"] if pre_tokenizer["type"] == "Sequence" else [pre_tokenizer]
    if not steps or steps[-1]["type"] != "ByteLevel" or steps[-1].get("add_prefix_space", True):
        return False
    patterns = [GPT2] if steps[-1].get("use_regex", True) else []
    for step in steps[:-1]:
        if step["type"] == "Split" and (step["behavior"], step["invert"]) in (("Isolated", False), ("Removed", True)):
            patterns.append(step["pattern"].get("Regex", "").replace("\r", r"\r").replace("\n", r"\n"))
        elif step["type"] != "Digits":
            return False
    # One of them must cut at spaces; the others only isolate digits or ideographs.
    return PATTERNS.issuperset(patterns) and any(p.endswith(r"\s+(?!\S)|\s+") for p in patterns)
