"""Fit a fastText classifier to drawn examples, measure it on held-out ones, and write the model and its card.

One thread and a seed: the same examples and parameters give the same bytes. Source: Joulin et al. 2017
(arXiv:1607.01759); quantised file: Joulin et al. 2016 (FastText.zip, arXiv:1612.03651).
"""

import os
import tempfile
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import orjson

from corpusforge.engine.identity import version
from corpusforge.engine.storage import checksum_range, write_whole
from corpusforge.errors import OutputError, RunError
from corpusforge.training.examples import Drawn, Example
from corpusforge.training.held_out import figures
from corpusforge.training.reading import Gathered
from corpusforge.training.zeroed_memory import zeroed_memory

CARD_FORMAT = 1
FEW = 30  # held-out examples of a label, below which its figures say little


@dataclass(frozen=True)
class Parameters:
    """fastText's parameters, by the names of its Python binding."""

    dim: int = 32
    epoch: int = 5
    lr: float = 0.5
    wordNgrams: int = 2
    minCount: int = 2
    minn: int = 0  # shortest character n-gram; 0: none
    maxn: int = 0
    bucket: int = 1 << 19
    seed: int = 0


@dataclass(frozen=True)
class Trained:
    """The files written, the card beside them, and what to be wary of."""

    files: tuple[Path, ...]
    card: dict[str, Any]
    warnings: tuple[str, ...]


def output_files(output: str) -> dict[str, Path]:
    """Return the files of a model called `output`: bin, ftz (quantised), json (the card)."""
    stem = output.removesuffix(".bin").removesuffix(".ftz")
    return {kind: Path(f"{stem}.{kind}") for kind in ("bin", "ftz", "json")}


def enough_epochs(examples: int) -> int:
    """Return 5 epochs, or more for few examples: about 50,000 steps, 25 epochs at most.

    Of 1,608 passages of books and web pages 5 epochs left all scores between 0.4 and 0.6 (calibration error 0.28 at
    learning rate 0.1, 0.05 at 0.5), 25 gave 0.03, and 60 no more.
    """
    return min(25, max(5, -(-50_000 // max(examples, 1))))


def check_output(output: str, replace: bool) -> None:
    """Raise OutputError when a file of the model exists and is not to be replaced, or its folder cannot be made."""
    if output.endswith("/") or Path(output).is_dir():
        raise OutputError(f"--output {output} is a folder; name the model in it, such as {output.rstrip('/')}/quality")
    for path in output_files(output).values():
        if path.exists() and not replace:
            raise OutputError(f"{path} exists; give --replace to replace it, or another --output")
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise OutputError(f"the folder {path.parent} cannot be made: {error.strerror}") from error


def check_examples(drawn: Drawn, gathered: Mapping[str, Gathered]) -> None:
    """Raise RunError when a label has nothing to learn from, or there is nothing to tell apart."""
    train = _counts(drawn.train)
    for label in sorted({*drawn.texts, *gathered}):
        if label in train:
            continue
        said = f"{drawn.texts.get(label, 0)} texts with words"
        if found := gathered.get(label):
            said += f" of {found.read} documents, {found.rejected} rejected, {found.unreadable} unreadable"
            said += f" (first error: {found.first_error})" if found.first_error else ""
        raise RunError(f"label '{label}' has no example to train on: {said}. Check its paths, stages and labels")
    if len(train) < 2:
        raise RunError(f"a classifier tells labels apart, and there is only '{''.join(train)}'; give texts of another")


def train(
    drawn: Drawn,
    gathered: Mapping[str, Gathered],
    parameters: Parameters,
    choices: Mapping[str, Any],
    output: str,
    quantize: bool = True,
) -> Trained:
    """Fit, measure, write the model files and then the card.

    `gathered` holds what was read by label, or under no name for all labels; `choices`, how examples were drawn, goes
    into the card. Raises RunError as `check_examples` does.
    """
    import fasttext

    check_examples(drawn, {name: found for name, found in gathered.items() if name != ""})
    paths = output_files(output)
    labels = sorted(_counts(drawn.train))
    aside = _counts(drawn.held_out)
    warnings = [
        f"label '{label}' has {aside.get(label, 0)} held-out examples; its figures say little"
        for label in labels
        if drawn.held_out and aside.get(label, 0) < FEW
    ]
    held_out: dict[str, Any] = {}
    with tempfile.TemporaryDirectory(dir=paths["bin"].parent, prefix=".train-") as folder:
        examples = Path(folder) / "examples.txt"
        with open(examples, "wb") as file:
            file.writelines(b"__label__%b %b\n" % (e.label.encode(), e.text) for e in drawn.train)
        with zeroed_memory() as reproducible:
            try:
                fitted = fasttext.train_supervised(
                    str(examples), thread=1, verbose=0, loss="softmax", **asdict(parameters)
                )
            except RuntimeError as error:
                raise RunError(f"fastText gave up: {error} A smaller --learning-rate may help") from error
        if not reproducible:
            warnings.append("this C library does not zero memory: another run may give other bytes")
        made = {"bin": Path(folder) / "bin"}
        fitted.save_model(str(made["bin"]))
        held_out["bin"] = measure(fitted, labels, drawn.held_out)
        if quantize:
            try:
                fitted.quantize(qnorm=True)
            except ValueError as error:  # fewer than 256 words and buckets
                warnings.append(f"no .ftz file: {error}")
            else:
                made["ftz"] = Path(folder) / "ftz"
                fitted.save_model(str(made["ftz"]))
                held_out["ftz"] = measure(fitted, labels, drawn.held_out)
        card = {
            "card": CARD_FORMAT,
            "kind": "fasttext supervised",
            "labels": labels,
            "text": {"lowercase": bool(choices.get("lowercase")), "words": "end at ASCII whitespace and NUL"},
            "parameters": asdict(parameters),
            "choices": dict(choices),
            "data": _data(drawn),
            "contradictory": drawn.contradictory,
            "inputs": {name or "examples": asdict(found) for name, found in gathered.items()},
            "examples_checksum": checksum_range(str(examples)),
            "held_out": held_out if drawn.held_out else None,
            "versions": {name: version(name) for name in ("corpusforge", "fasttext-numpy2", "pyarrow")},
            "files": {paths[kind].name: _file(path) for kind, path in made.items()},
        }
        for path in paths.values():
            path.unlink(missing_ok=True)
        for kind, path in made.items():
            os.replace(path, paths[kind])
    write_whole(paths["json"], orjson.dumps(card, option=orjson.OPT_INDENT_2) + b"\n")
    return Trained((*(paths[kind] for kind in made), paths["json"]), card, tuple(warnings))


def measure(model: Any, labels: Sequence[str], examples: Sequence[Example]) -> dict[str, Any]:
    """Return the figures of a fastText model on examples."""
    index = {f"__label__{label}": i for i, label in enumerate(labels)}
    scores = np.zeros((len(examples), len(labels)))
    for row, example in enumerate(examples):
        for score, label in model.f.predict(example.text.decode() + "\n", len(labels), 0.0, "strict"):
            scores[row, index[label]] = score
    truth = np.array([labels.index(example.label) for example in examples], np.int64)
    return figures(tuple(labels), truth, scores)


def _data(drawn: Drawn) -> dict[str, Any]:
    train, aside = _counts(drawn.train), _counts(drawn.held_out)
    return {
        label: {
            "texts": drawn.texts[label],
            "passages": drawn.passages[label],
            "train": train[label],
            "held_out": aside.get(label, 0),
        }
        for label in sorted(train)
    }


def _file(path: Path) -> dict[str, Any]:
    return {"bytes": path.stat().st_size, "checksum": checksum_range(str(path))}


def _counts(examples: Sequence[Example]) -> Counter[str]:
    return Counter(example.label for example in examples)
