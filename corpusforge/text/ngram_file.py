"""The file of an n-gram model: one line of JSON that says what is in it, then arrays that are mapped into memory.

    corpusforge ngrams 1 CHECKSUM\\n      XXH3-128 of everything after this line
    {"order": 5, "form": {...}, "arrays": {"words": ["<f4", [501, 2], 0], ...}, ...}\\n
    the arrays, each at a multiple of 64 bytes after the JSON's line, little endian

`arrays` names type, shape and place of: words, slots, word_hashes, word_ids (see ngram_table.py). `form` is how texts
become tokens (see lm_tokens.py), `probabilities` and `backoffs` are the scales, `training` says what the model was
made from. Nothing in the file is code; sizes are checked before an array is made.
"""

import mmap
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import xxhash

from corpusforge.engine.storage import whole_file
from corpusforge.errors import RecipeError
from corpusforge.text.lm_tokens import TextForm
from corpusforge.text.ngram_table import NgramTable, Scale

MAGIC = b"corpusforge ngrams 1 "
_ARRAYS = {"words": "<f4", "slots": "<u8", "word_hashes": "<u8", "word_ids": "<u4"}
_ALIGNED = 64
_HEAD = len(MAGIC) + 33  # with the checksum and its newline


def write_ngrams(path: Path, table: NgramTable, form: TextForm, training: dict[str, Any]) -> None:
    """Write a model; the file appears whole or not at all."""
    places: dict[str, Any] = {}
    at = 0
    for name, kind in _ARRAYS.items():
        array = getattr(table, name)
        places[name] = [kind, list(array.shape), at]
        at += -(-array.nbytes // _ALIGNED) * _ALIGNED
    description = {
        "order": table.order,
        "form": asdict(form),
        "probabilities": list(table.probabilities),
        "backoffs": list(table.backoffs),
        "arrays": places,
        "training": training,
    }
    written = orjson.dumps(description, option=orjson.OPT_SORT_KEYS) + b"\n"
    pieces: list[bytes | memoryview] = [written + b"\0" * (-(_HEAD + len(written)) % _ALIGNED)]
    for name, kind in _ARRAYS.items():
        array = np.ascontiguousarray(getattr(table, name), kind)
        pieces += [array.data.cast("B"), b"\0" * (-array.nbytes % _ALIGNED)]
    digest = xxhash.xxh3_128()
    for piece in pieces:
        digest.update(piece)
    with whole_file(path) as temporary, open(temporary, "wb") as file:
        file.write(MAGIC + digest.hexdigest().encode() + b"\n")
        file.writelines(pieces)


def read_form(path: Path) -> TextForm:
    """Return the form of texts of a model, from the first lines of its file."""
    return TextForm(**_description(_mapped(path), path)["form"])


def read_ngrams(path: Path) -> NgramTable:
    """Map a model; RecipeError when the file is damaged or of another version. The checksum costs 0.1 ms per MB."""
    data = _mapped(path)
    description = _description(data, path)
    if xxhash.xxh3_128(memoryview(data)[_HEAD:]).hexdigest() != data[len(MAGIC) : _HEAD - 1].decode("ascii", "replace"):
        raise RecipeError(f"{path} is damaged: its checksum differs; copy or train it again")
    begin = data.find(b"\n", _HEAD) + 1
    begin += -begin % _ALIGNED
    arrays = {}
    try:
        for name, kind in _ARRAYS.items():
            stored, shape, at = description["arrays"][name]
            if stored != kind or not all(isinstance(n, int) and n >= 0 for n in (*shape, at)):
                raise ValueError(f"array {name} is {stored} {shape} at {at}")
            arrays[name] = np.frombuffer(data, kind, int(np.prod(shape)), begin + at).reshape(shape)
        order = int(description["order"])
        scales = [Scale(*map(float, description[name])) for name in ("probabilities", "backoffs")]
        table = NgramTable(order, **arrays, probabilities=scales[0], backoffs=scales[1])
        _check(table)
    except (KeyError, TypeError, ValueError) as error:
        raise RecipeError(f"{path} is a broken n-gram model: {error}") from error
    return table


def _check(table: NgramTable) -> None:
    words, size = table.words, len(table.word_hashes)
    if not 1 <= table.order <= 64 or words.ndim != 2 or words.shape[1] != 2 or len(words) < 3:
        raise ValueError(f"order {table.order}, words of shape {words.shape}")
    if size & size - 1 or size != len(table.word_ids) or (size and table.word_ids.max() >= len(words)):
        raise ValueError(f"a table of {size} words for {len(words)} ids")
    for name, slots in (("word_hashes", table.word_hashes), ("slots", table.slots)):
        if not len(slots) or not (slots == 0).any():  # a look-up ends at a free slot
            raise ValueError(f"no free slot in {name}")


def _mapped(path: Path) -> mmap.mmap:
    with open(path, "rb") as file:
        if file.read(len(MAGIC)) != MAGIC:
            raise RecipeError(f"{path} is no n-gram model of this version of corpusforge; train it again")
        return mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)


def _description(data: mmap.mmap, path: Path) -> dict[str, Any]:
    try:
        end = data.find(b"\n", _HEAD)
        found: dict[str, Any] = orjson.loads(data[_HEAD:end])
        TextForm(**found["form"])
    except (orjson.JSONDecodeError, KeyError, TypeError) as error:
        raise RecipeError(f"{path} is a broken n-gram model: {error}") from error
    return found
