"""tiktoken's rank files: a line for each token, its bytes in base64 and its rank, which is its id."""

import base64
import binascii
import re
from collections.abc import Mapping
from pathlib import Path

from corpusforge.errors import RecipeError
from corpusforge.registry import nearest
from corpusforge.stages.tokenize.patterns import NAMED

LINE = re.compile(rb"[A-Za-z0-9+/]+={0,2} [0-9]+\r?\n")
_FIM = {"<|fim_prefix|>": 100258, "<|fim_middle|>": 100259, "<|fim_suffix|>": 100260}
SPECIAL: Mapping[str, Mapping[str, int]] = {  # of the encodings that tiktoken publishes
    "gpt2": {"<|endoftext|>": 50256},
    "r50k_base": {"<|endoftext|>": 50256},
    "p50k_base": {"<|endoftext|>": 50256},
    "cl100k_base": {"<|endoftext|>": 100257, **_FIM, "<|endofprompt|>": 100276},
    "o200k_base": {"<|endoftext|>": 199999, "<|endofprompt|>": 200018},
}


def read_ranks(path: str | Path) -> dict[bytes, int]:
    """Return the rank of each token; RecipeError with the line that is none."""
    found: dict[bytes, int] = {}
    for number, line in enumerate(Path(path).read_bytes().splitlines(), 1):
        if not line:
            continue
        try:
            token, rank = line.split()
            found[base64.b64decode(token, validate=True)] = int(rank)
        except (ValueError, binascii.Error) as error:
            raise RecipeError(f"tokenizer '{path}', line {number}: not a token in base64 and its rank") from error
    return found


def pattern_of(path: str | Path, pattern: str | None) -> str:
    """Return the regular expression that `pattern` names or is; a rank file holds none."""
    names = ", ".join(NAMED)
    if pattern is None:
        raise RecipeError(
            f"tokenizer '{path}' is a rank file, which does not say how texts are cut; add pattern: one of {names}, or "
            "a regular expression"
        )
    if pattern not in NAMED and re.fullmatch(r"\w+", pattern):
        raise RecipeError(f"there is no pattern '{pattern}'; known are {names}.{nearest(pattern, list(NAMED))}")
    return NAMED.get(pattern, pattern)
