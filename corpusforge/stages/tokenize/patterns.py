r"""Pre-tokenizers that are compiled: the patterns by which known tokenizers cut a text, and the cutter of each.

A pattern is known by its exact text, so another one, however alike, is left to the reference.
"""

from typing import NamedTuple

GPT2 = r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"
CL100K = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*"
    r"|\s*[\r\n]+|\s+(?!\S)|\s+"
)
QWEN2 = CL100K.replace("{1,3}", "")
QWEN35 = QWEN2.replace(r"?\p{L}+", r"?[\p{L}\p{M}]+").replace(r"[^\s\p{L}\p{N}]", r"[^\s\p{L}\p{M}\p{N}]")
_CAPITALS, _SMALL = r"[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]", r"[\p{Ll}\p{Lm}\p{Lo}\p{M}]"
_SUFFIX = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)?"
O200K = (
    rf"[^\r\n\p{{L}}\p{{N}}]?{_CAPITALS}*{_SMALL}+{_SUFFIX}|[^\r\n\p{{L}}\p{{N}}]?{_CAPITALS}+{_SMALL}*{_SUFFIX}"
    r"|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)
THREE_DIGITS = r"\p{N}{1,3}"
IDEOGRAPHS = "[一-龥\u3040-ゟ゠-ヿ]+"
DEEPSEEK = (
    r"""[!"#$%&'()*+,\-./:;<=>?@\[\\\]^_`{|}~][A-Za-z]+|[^\r\n\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+"""
    r"""| ?[\p{P}\p{S}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"""
)
# tiktoken's own spellings; `\s++$` makes white space at the end of a text one piece, which GPT-2's does anyway. They
# hold for tiktoken alone: HF tokenizers reads {1,3}+ as any number of times one to three.
TIKTOKEN_GPT2 = r"'(?:[sdmt]|ll|ve|re)| ?\p{L}++| ?\p{N}++| ?[^\s\p{L}\p{N}]++|\s++$|\s+(?!\S)|\s"
TIKTOKEN_CL100K = (
    r"'(?i:[sdmt]|ll|ve|re)|[^\r\n\p{L}\p{N}]?+\p{L}++|\p{N}{1,3}+| ?[^\s\p{L}\p{N}]++[\r\n]*+"
    r"|\s++$|\s*[\r\n]|\s+(?!\S)|\s"
)


class Cut(NamedTuple):
    """A cutter: `kind` (gpt2, cl100k, o200k, deepseek, digits, ideographs) and what of it varies."""

    kind: str
    digits: int = 0  # numbers to a piece, 0: any
    marks: bool = False  # marks count as letters
    whole_end: bool = False  # white space at the end of a text is one piece


CUTS = {
    GPT2: Cut("gpt2"),
    CL100K: Cut("cl100k", 3),  # GPT-4, Llama 3
    QWEN2: Cut("cl100k", 1),
    QWEN35: Cut("cl100k", 1, marks=True),
    O200K: Cut("o200k", 3),
    DEEPSEEK: Cut("deepseek"),  # DeepSeek V3, after the two below
    THREE_DIGITS: Cut("digits", 3),
    r"\p{N}": Cut("digits", 1),
    IDEOGRAPHS: Cut("ideographs"),
}
TIKTOKEN_CUTS = {**CUTS, TIKTOKEN_GPT2: Cut("gpt2"), TIKTOKEN_CL100K: Cut("cl100k", 3, whole_end=True)}
NAMED = {  # what a rank file, which holds none, may be told to be cut by
    "gpt2": TIKTOKEN_GPT2,
    "r50k_base": TIKTOKEN_GPT2,
    "p50k_base": TIKTOKEN_GPT2,
    "cl100k": TIKTOKEN_CL100K,
    "cl100k_base": TIKTOKEN_CL100K,
    "o200k": O200K,
    "o200k_base": O200K,
    "llama3": CL100K,
    "qwen": QWEN2,
    "qwen2": QWEN2,
    "qwen35": QWEN35,
}


def known(pattern: str) -> Cut | None:
    """Return the cutter of a regular expression, None when it is no known one.

    >>> known("[0-9]+") is None, known(GPT2)
    (True, Cut(kind='gpt2', digits=0, marks=False, whole_end=False))
    """
    return CUTS.get(pattern.replace("\r", r"\r").replace("\n", r"\n"))
