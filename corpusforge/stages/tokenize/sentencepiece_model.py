"""SentencePiece models, applied by the sentencepiece package."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from corpusforge.errors import RecipeError

if TYPE_CHECKING:
    from sentencepiece import SentencePieceProcessor


def load(path: str | Path) -> "SentencePieceProcessor":
    """Load a model; RecipeError when the file is none."""
    from sentencepiece import SentencePieceProcessor

    processor = SentencePieceProcessor()
    try:
        if not processor.LoadFromSerializedProto(Path(path).read_bytes()):
            raise RuntimeError
    except (RuntimeError, OSError) as error:
        raise RecipeError(
            f"tokenizer '{path}' is no tokenizer.json, no rank file and no SentencePiece model"
        ) from error
    return processor


def read_vocabulary(path: str | Path) -> tuple[int, dict[str, int]]:
    """Return the number of pieces, and the ids of those that are no text (control, unknown) or defined by the user."""
    processor = load(path)
    size = processor.GetPieceSize()
    ids = [i for i in range(size) if processor.IsControl(i) or processor.IsUnknown(i)]
    return size, {processor.IdToPiece(i): i for i in ids}


def encoded(processor: "SentencePieceProcessor", texts: Sequence[str]) -> list[list[int]]:
    """Return the ids of texts, one thread."""
    found: list[list[int]] = processor.EncodeAsIds(list(texts), num_threads=1) if texts else []
    return found
