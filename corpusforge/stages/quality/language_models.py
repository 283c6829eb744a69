"""The language models that quality.perplexity can ask, each as a function from texts to log10 probabilities."""

import importlib
from collections.abc import Callable
from importlib.util import find_spec
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pyarrow as pa

from corpusforge.errors import RecipeError

if TYPE_CHECKING:  # importing corpusforge.text takes a second, and model_kind is asked when a recipe is checked
    from corpusforge.text.arrays import Floats, Int64s, UInt8s
    from corpusforge.text.lm_tokens import LineTokens, TextForm

NGRAMS_MAGIC = b"corpusforge ngrams "
KENLM_MAGIC = b"mmap lm http://kheafield.com/code"


class Scores(NamedTuple):
    """Per document: log10 of its probability, and its tokens, ends of lines included (0: nothing to judge)."""

    log10: "Floats"
    tokens: "Int64s"


Scorer = Callable[[pa.Array], Scores]


def model_kind(path: Path) -> str:
    """Return ngrams (our own), arpa or kenlm; RecipeError for other files, or a package that is not there."""
    if not path.is_file():
        raise RecipeError(f"there is no model file '{path}'; corpusforge train perplexity makes one")
    with open(path, "rb") as file:
        head = file.read(4096)
    if head.startswith(NGRAMS_MAGIC):
        return "ngrams"
    if head.startswith(KENLM_MAGIC):
        need("kenlm", f"{path} is a KenLM binary")
        return "kenlm"
    if b"\\data\\" in head:
        return "arpa"
    raise RecipeError(
        f"'{path}' is no language model: give a file of corpusforge train perplexity, an ARPA file (uncompressed) or a "
        "KenLM binary"
    )


def need(package: str, why: str) -> None:
    """Raise RecipeError when an optional package is not installed."""
    if find_spec(package) is None:
        raise RecipeError(f"{why}, which needs the package {package}: pip install 'corpusforge[perplexity]'")


def scorer(path: Path, form: "TextForm", pieces: str | None) -> Scorer:
    """Return the function of a model; `pieces` is the path of a SentencePiece model."""
    from corpusforge.text.lm_tokens import cut, line_texts

    kind = model_kind(path)
    spaced = _piece_cutter(pieces) if pieces else None
    ask = _kenlm(path) if kind == "kenlm" else _table(path, kind)

    def score(column: pa.Array) -> Scores:
        data, offsets, lines = line_texts(column, form)
        if spaced is not None:
            data, offsets = spaced(data, offsets)
        tokens = cut(data, offsets, lines, "whitespace" if spaced else form.tokens)
        counts = np.diff(tokens.offsets)
        log10 = ask(tokens)
        of_line = np.repeat(np.arange(len(lines) - 1), np.diff(lines))
        # bincount adds up in the order of lines, whatever stands in the batch before them
        totals = np.bincount(of_line, log10, len(lines) - 1)
        sizes = np.bincount(of_line, np.where(counts > 0, counts + 1, 0), len(lines) - 1)
        return Scores(totals.astype(np.float64), sizes.astype(np.int64))

    return score


def _table(path: Path, kind: str) -> Callable[["LineTokens"], "Floats"]:
    from corpusforge.text.arpa_file import read_arpa
    from corpusforge.text.ngram_file import read_ngrams

    table = read_ngrams(path) if kind == "ngrams" else read_arpa(path)
    return lambda tokens: table.line_scores(table.ids(tokens.hashes), tokens.offsets)


def _kenlm(path: Path) -> Callable[["LineTokens"], "Floats"]:
    kenlm = importlib.import_module("kenlm")
    config = kenlm.Config()
    config.show_progress = False
    try:
        model = kenlm.Model(str(path), config)
    except OSError as error:
        raise RecipeError(f"KenLM cannot load {path}: {error}") from error

    def ask(tokens: "LineTokens") -> "Floats":
        data = tokens.data.tobytes()
        found = np.zeros(len(tokens.offsets) - 1)
        starts, ends = tokens.starts.tolist(), tokens.ends.tolist()
        for line in np.flatnonzero(np.diff(tokens.offsets)).tolist():
            inside = range(tokens.offsets[line], tokens.offsets[line + 1])
            found[line] = model.score(b" ".join(data[starts[i] : ends[i]] for i in inside).decode("utf-8", "replace"))
        return found

    return ask


def _piece_cutter(path: str) -> Callable[["UInt8s", "Int64s"], tuple["UInt8s", "Int64s"]]:
    need("sentencepiece", "sentencepiece: is set")
    if not Path(path).is_file():
        raise RecipeError(f"there is no SentencePiece model '{path}'")
    processor = importlib.import_module("sentencepiece").SentencePieceProcessor()
    try:
        processor.Load(path)
    except (OSError, RuntimeError) as error:
        raise RecipeError(f"{path} is no SentencePiece model: {error}") from error

    def spaced(data: "UInt8s", offsets: "Int64s") -> tuple["UInt8s", "Int64s"]:
        whole = data.tobytes()
        at = offsets.tolist()
        lines = [whole[a:b].decode("utf-8", "replace") for a, b in pairwise(at)]
        joined = [" ".join(processor.EncodeAsPieces(line)).encode() for line in lines]
        places = np.append(0, np.cumsum([len(j) for j in joined])).astype(np.int64)
        return np.frombuffer(b"".join(joined), np.uint8), places

    return spaced
