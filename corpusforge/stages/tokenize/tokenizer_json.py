"""tokenizer.json files (the format of HF tokenizers): what a recipe needs to know of one, and loading it."""

import os
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import orjson

from corpusforge.errors import RecipeError

if TYPE_CHECKING:
    from tokenizers import Tokenizer


class Vocabulary(NamedTuple):
    """The tokens of a tokenizer: how many ids there are, and the ids of the added ones by their text."""

    size: int  # largest id + 1
    added: dict[str, int]


def vocabulary(path: str | Path) -> Vocabulary:
    """Read the vocabulary of a tokenizer.json without loading the tokenizer; RecipeError when it is none.

    The last few files are remembered, by size and time of change.
    """
    try:
        stat = os.stat(path)
    except OSError as error:
        raise RecipeError(
            f"tokenizer '{path}' cannot be read: {error.strerror}; give the path of a tokenizer.json"
        ) from error
    return _vocabulary(str(path), stat.st_size, stat.st_mtime_ns)


@lru_cache(maxsize=4)
def _vocabulary(path: str, size: int, modified: int) -> Vocabulary:
    try:
        description = orjson.loads(Path(path).read_bytes())
        tokens = description["model"]["vocab"]
        added = {token["content"]: token["id"] for token in description.get("added_tokens") or ()}
    except (orjson.JSONDecodeError, KeyError, TypeError) as error:
        raise RecipeError(f"tokenizer '{path}' is no tokenizer.json of HF tokenizers: {error}") from error
    ids = tokens.values() if isinstance(tokens, dict) else range(len(tokens))  # Unigram lists its tokens
    return Vocabulary(1 + max((*ids, *added.values()), default=-1), added)


def id_type(size: int) -> np.dtype[Any]:
    """Return the smallest of uint16 and uint32 that holds the ids below `size`.

    >>> id_type(65_536), id_type(65_537)
    (dtype('uint16'), dtype('uint32'))
    """
    return np.dtype(np.uint16 if size <= 1 << 16 else np.uint32)


def load(path: str | Path, special_as_text: bool) -> "Tokenizer":
    """Load a tokenizer.json to encode whole texts: no truncation and no padding, whatever the file says."""
    one_thread()
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_file(str(path))
    tokenizer.no_truncation()
    tokenizer.no_padding()
    tokenizer.encode_special_tokens = special_as_text
    return tokenizer


def one_thread() -> None:
    """Keep HF tokenizers to one thread, since a worker has one CPU, unless the user has decided otherwise."""
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
