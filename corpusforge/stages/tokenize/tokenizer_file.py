"""Files that hold a tokenizer: which kind one is, by its content, and what a recipe needs to know of it.

tokenizer.json of HF tokenizers          an object with a model
encoder.json or vocab.json of GPT-2      token -> id, with vocab.bpe or merges.txt in the same folder
rank file of tiktoken                    lines of base64 and a number; `pattern` says how texts are cut
.model of SentencePiece                  anything else
"""

import os
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np
import orjson

from corpusforge.errors import RecipeError
from corpusforge.stages.tokenize.rank_file import LINE, SPECIAL, read_ranks

Kind = Literal["json", "ranks", "sentencepiece"]
SUFFIXES = (".json", ".model", ".tiktoken", ".bpe")


class Vocabulary(NamedTuple):
    """The tokens of a tokenizer: how many ids there are, and the ids of the added or control ones by their text."""

    kind: Kind
    size: int  # largest id + 1
    added: dict[str, int]


def vocabulary(path: str | Path, pattern: str | None = None) -> Vocabulary:
    """Read the vocabulary of a tokenizer's file without loading the tokenizer; RecipeError when it is none.

    The last few files are remembered, by size and time of change.
    """
    try:
        stat = os.stat(path)
    except OSError as error:
        raise RecipeError(
            f"tokenizer '{path}' cannot be read: {error.strerror}; give the path of a tokenizer.json, a rank file or a "
            "SentencePiece model"
        ) from error
    found = _vocabulary(str(path), pattern, stat.st_size, stat.st_mtime_ns)
    if pattern is not None and found.kind != "ranks":
        raise RecipeError(f"tokenizer '{path}' says itself how texts are cut; take pattern away")
    return found


@lru_cache(maxsize=4)
def _vocabulary(path: str, pattern: str | None, size: int, modified: int) -> Vocabulary:
    with open(path, "rb") as file:
        head = file.readline(1 << 16)
    if LINE.fullmatch(head):
        special = dict(SPECIAL.get(pattern or "", {}))
        return Vocabulary("ranks", 1 + max((*read_ranks(path).values(), *special.values())), special)
    if path.endswith((".json", ".bpe", ".txt")) or head.lstrip()[:1] == b"{":
        return _json_vocabulary(path)
    from corpusforge.stages.tokenize.sentencepiece_model import read_vocabulary

    return Vocabulary("sentencepiece", *read_vocabulary(path))


def _json_vocabulary(path: str) -> Vocabulary:
    try:
        description = read_json(path)
        tokens = description["model"]["vocab"]
        added = added_ids(description)
    except (orjson.JSONDecodeError, KeyError, TypeError, UnicodeDecodeError) as error:
        raise RecipeError(f"tokenizer '{path}' is no tokenizer.json of HF tokenizers: {error}") from error
    ids = tokens.values() if isinstance(tokens, dict) else range(len(tokens))  # Unigram lists its tokens
    return Vocabulary("json", 1 + max((*ids, *added.values()), default=-1), added)


def added_ids(description: Mapping[str, Any]) -> dict[str, int]:
    """Return the ids of added tokens as HF tokenizers assigns them, whatever ids the file gives.

    A token that the model has keeps the model's id; others are numbered from the end of the vocabulary.

    >>> added_ids({"model": {"vocab": {"a": 0, "b": 1}}, "added_tokens": [{"content": "b"}, {"content": "<x>"}]})
    {'b': 1, '<x>': 2}
    """
    vocab = description["model"]["vocab"]
    tokens = vocab if isinstance(vocab, dict) else {token: number for number, (token, _) in enumerate(vocab)}
    found: dict[str, int] = {}
    free = len(tokens)
    for token in description.get("added_tokens") or ():
        content = token["content"]
        if content and content not in found:
            found[content] = tokens.get(content, free)
            free = max(free, found[content] + 1)
    return found


def read_json(path: str | Path) -> Mapping[str, Any]:
    """Return a tokenizer.json, or what GPT-2's two files mean as one."""
    path = Path(path)
    listed = {"vocab.bpe": "encoder.json", "merges.txt": "vocab.json"}
    tokens = path.with_name(listed[path.name]) if path.name in listed else path
    try:
        found = orjson.loads(tokens.read_bytes())
    except OSError as error:
        raise RecipeError(f"tokenizer '{path}' needs '{tokens.name}' in the same folder: {error.strerror}") from error
    if not isinstance(found, dict) or not all(isinstance(number, int) for number in found.values()):
        return found if isinstance(found, dict) else {}
    merges = [tokens.with_name(name) for name in listed if tokens.with_name(name).is_file()]
    if not found or not merges:
        raise RecipeError(
            f"tokenizer '{path}' maps tokens to ids, as GPT-2's encoder.json does, but there is no vocab.bpe or "
            "merges.txt next to it"
        )
    lines = merges[0].read_text(encoding="utf-8").split("\n")
    pairs = [line for line in lines if line and not line.startswith("#version")]
    flags = {"single_word": False, "lstrip": False, "rstrip": False, "normalized": False, "special": True}
    end = "<|endoftext|>"
    return {
        "version": "1.0",
        "truncation": None,
        "padding": None,
        "added_tokens": [{"id": found[end], "content": end, **flags}] if end in found else [],
        "normalizer": None,
        "pre_tokenizer": {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": True},
        "post_processor": None,
        "decoder": {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": True},
        "model": {
            "type": "BPE",
            "dropout": None,
            "unk_token": None,
            "continuing_subword_prefix": None,
            "end_of_word_suffix": None,
            "fuse_unk": False,
            "byte_fallback": False,
            "vocab": found,
            "merges": pairs,
        },
    }


def id_type(size: int) -> np.dtype[Any]:
    """Return the smallest of uint16 and uint32 that holds the ids below `size`.

    >>> id_type(65_536), id_type(65_537)
    (dtype('uint16'), dtype('uint32'))
    """
    return np.dtype(np.uint16 if size <= 1 << 16 else np.uint32)
