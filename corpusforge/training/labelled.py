"""Texts with labels: a source for each label, or a column that says it."""

import re
from collections.abc import Iterable, Mapping, Sequence

import orjson
import pyarrow as pa

from corpusforge.errors import RecipeError, RunError
from corpusforge.registry import nearest
from corpusforge.training.examples import Draw
from corpusforge.training.reading import Gathered, TextSource, read_texts

MOST_LABELS = 1000  # more distinct values are no labels


def draw_by_source(sources: Mapping[str, Sequence[TextSource]], draw: Draw) -> dict[str, Gathered]:
    """Draw from the sources of each label; return what was read, by label."""
    gathered = {}
    for label, given in sources.items():
        check_label(label)
        found = gathered[label] = Gathered()
        for source in given:
            for batch in read_texts(source, found):
                draw.add(label, batch.column("text"))
    return gathered


def draw_by_column(sources: Sequence[TextSource], column: str, draw: Draw) -> dict[str, Gathered]:
    """Draw from sources whose documents carry their label in `column`, or in that field of `metadata`.

    Spaces in a label become `_`; documents without a label are left out. Returns what was read, under no name.
    """
    found = Gathered()
    fields: dict[str, None] = {}
    labels: set[str] = set()
    for source in sources:
        for batch in read_texts(source, found):
            values = _labels(batch, column, fields)
            for label in sorted({value for value in values if value}):
                if label not in labels:
                    check_label(label)
                    labels.add(label)
                draw.add(label, batch.column("text").filter(pa.array([value == label for value in values])))
            if len(labels) > MOST_LABELS:
                raise RunError(f"column '{column}' has more than {MOST_LABELS} values; is it the label?")
    if not labels:
        known = list(fields)
        raise RunError(
            f"no document has a label in '{column}'.{nearest(column, known)} Fields: {', '.join(known) or 'none'}"
        )
    return {"": found}


def _labels(batch: pa.RecordBatch, column: str, fields: dict[str, None]) -> list[str | None]:
    if column in batch.schema.names:
        return [_label(value) for value in batch.column(column).to_pylist()]
    found: list[str | None] = []
    for line in batch.column("metadata").to_pylist():
        metadata = orjson.loads(line) if line else {}
        if len(fields) < MOST_LABELS:
            fields.update(dict.fromkeys(metadata))
        found.append(_label(metadata.get(column)))
    return found


def _label(value: object) -> str | None:
    return None if value is None else re.sub(r"\s+", "_", str(value).strip())


def check_label(label: str) -> None:
    """Raise RecipeError for a label that fastText's files cannot hold.

    >>> check_label("very good")
    Traceback (most recent call last):
    ...
    corpusforge.errors.RecipeError: 'very good' is no label: write a word without spaces
    """
    if not label or re.search(r"[\s\0]", label):
        raise RecipeError(f"'{label}' is no label: write a word without spaces")


def by_label(named: Iterable[str]) -> dict[str, list[str]]:
    """Return the paths of each label of `NAME=PATHS` arguments.

    >>> by_label(["good=a.jsonl", "bad=b.jsonl", "good=c.jsonl"])
    {'good': ['a.jsonl', 'c.jsonl'], 'bad': ['b.jsonl']}
    """
    found: dict[str, list[str]] = {}
    for argument in named:
        label, equals, paths = argument.partition("=")
        if not equals or not paths:
            raise RecipeError(f"write --label NAME=PATHS, such as --label toxic=toxic.jsonl, not '{argument}'")
        check_label(label)
        found.setdefault(label, []).append(paths)
    return found
