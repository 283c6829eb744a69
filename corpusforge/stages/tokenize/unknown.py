"""The id by which a tokenizer says that it has none for a piece of text."""

from pathlib import Path

from corpusforge.stages.tokenize.tokenizer_file import read_json, vocabulary


def unknown_id(path: str | Path, pattern: str | None = None) -> int | None:
    """Return the id of the unknown token; None where there is none, as in byte-level tokenizers."""
    kind = vocabulary(path, pattern).kind
    if kind == "sentencepiece":
        from corpusforge.stages.tokenize.sentencepiece_model import load

        return int(load(path).unk_id())
    if kind == "ranks":
        return None
    model = read_json(path)["model"]
    if model.get("unk_id") is not None:
        return int(model["unk_id"])
    token = model.get("unk_token")
    return int(model["vocab"][token]) if token in model["vocab"] else None
