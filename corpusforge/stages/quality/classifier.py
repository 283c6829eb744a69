"""quality.classifier: how much a text looks like those of one label, by a fastText model."""

import struct
from collections.abc import Mapping
from pathlib import Path
from typing import ClassVar, Literal

import numpy as np
import orjson
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray
from pydantic import Field, model_validator

from corpusforge.errors import RecipeError
from corpusforge.mistakes import or_list
from corpusforge.stage import Example, Kernel, Stage, reject, with_columns
from corpusforge.stages.quality.fasttext_file import (
    LABEL_PREFIX,
    card_path,
    model_path,
    read_card,
    read_labels,
    read_model,
)

# What str.splitlines() breaks at besides fastText's own whitespace, and what str.strip() removes.
_UNICODE_BREAKS = "[\x1c-\x1e\u0085\u2028\u2029]"
_UNICODE_SPACES = (
    " \t\n\v\f\r\x1c\x1d\x1e\x1f\u0085\u00a0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a"
    "\u2028\u2029\u202f\u205f\u3000"
)


class Classifier(Stage):
    """Score documents by a supervised fastText model, and keep those that score well.

    The score is fastText's probability of `label` for the whole text on one line (from 0 to 1; fastText's rounding
    gives up to 1.0001), in the column NAME_score, NAME being `name`. What is kept:

    - `min_score`, `max_score` (inclusive) reject documents below or above; for a model of bad texts use max_score.
    - `pareto_alpha` keeps a document if a Pareto sample of this shape is above 1 - score, so that some documents of
      low score stay: GPT-3's rule, there with 9. The sample comes from XXH3-64 of (seed, name, doc_id), so it is
      the same for any number of workers.
    - Neither: documents are only scored, for quality.top_fraction or quality.quantile_buckets.

    A null text, one of nothing but spaces, control whitespace and NUL, and one of which the model knows neither word
    nor n-gram have a null score; they are rejected with min_score or pareto_alpha, kept otherwise.

    Words end at ASCII whitespace, line breaks and NUL, as in fastText.
    `line_breaks: unicode` breaks and strips as Python's splitlines and strip do (DCLM). `lowercase` lower-cases first;
    left out, it follows the card (.json) that `corpusforge train classifier` writes beside a model. `model` is the path
    of a .bin or .ftz file.

    Reads: doc_id, text.
    Writes: NAME_score (float32).
    Rejects: low_NAME_score, high_NAME_score (value: the score), NAME_not_drawn (value: the score).
    Cost: 0.02 CPU s per MB (web pages, Wikipedia and books, bigrams, 32 dimensions; fastText 0.03 from .bin, 0.05 from
    .ftz, the same bits); memory of the model and some 35 MB of remembered words; some seconds to compile on the
    first use ever.
    Errors: a file that is no supervised fastText model; a label that it does not have.

    Example:
        quality.classifier: {model: models/quality.ftz, name: quality, pareto_alpha: 9}

    Source: Brown et al. 2020 (GPT-3, arXiv:2005.14165, appendix A) for the Pareto rule; Li et al. 2024 (DCLM,
    arXiv:2406.11794, section 4.4), which takes 1 - P(best label) for a label that is not the best of two.
    """

    reads: ClassVar = ("doc_id", "text")
    memory_bytes: ClassVar[int] = 256 << 20

    model: str
    label: str = "positive"
    name: str = Field("classifier", pattern=r"^[a-z][a-z0-9_]*$")
    min_score: float | None = Field(None, ge=0, le=1)
    max_score: float | None = Field(None, ge=0, le=1)
    pareto_alpha: float | None = Field(None, gt=0)
    seed: int = Field(0, ge=0, lt=1 << 64)
    line_breaks: Literal["ascii", "unicode"] = "ascii"
    lowercase: bool | None = None

    @model_validator(mode="after")
    def _one_rule(self) -> "Classifier":
        if self.pareto_alpha is not None and self.min_score is not None:
            raise ValueError("min_score and pareto_alpha are two rules for low scores; give one of them")
        return self

    def columns_written(self) -> Mapping[str, pa.DataType]:
        """The score; the model and its label are looked up here, when a recipe is checked."""
        self._check_label(model_path(self.model))
        return {f"{self.name}_score": pa.float32()}

    def rejection_reasons(self) -> tuple[str, ...]:
        """Those of the rules that are set."""
        rules = (
            (self.min_score, f"low_{self.name}_score"),
            (self.max_score, f"high_{self.name}_score"),
            (self.pareto_alpha, f"{self.name}_not_drawn"),
        )
        return tuple(reason for rule, reason in rules if rule is not None)

    def files(self) -> tuple[str, ...]:
        """The model, and its card when there is one."""
        path = model_path(self.model)
        card = card_path(path)
        return (str(path), str(card)) if card.is_file() else (str(path),)

    def open(self) -> Kernel:
        """Load the model."""
        from corpusforge.text import segment
        from corpusforge.text.fasttext_model import Binding, FastTextModel

        path = model_path(self.model)
        self._check_label(path)
        parameters = read_model(path)
        model = Binding(path, read_labels(path)) if parameters is None else FastTextModel(parameters)
        lowercase = (
            read_card(path).get("text", {}).get("lowercase", False) if self.lowercase is None else self.lowercase
        )

        def kernel(batch: pa.RecordBatch) -> pa.RecordBatch:
            text = batch.column("text")
            if self.line_breaks == "unicode":
                text = pc.utf8_trim(pc.replace_substring_regex(text, _UNICODE_BREAKS, " "), _UNICODE_SPACES)
            if lowercase:
                text = pc.utf8_lower(text)
            scores = model.score(segment(text), self.label)
            known = scores > 0  # what fastText knows something about has at least 1e-5
            score = pa.array(scores, mask=~known)
            batch = with_columns(batch, **{f"{self.name}_score": score})
            if self.min_score is not None:
                low = ~known | (scores < np.float32(self.min_score))
                batch = reject(batch, low, f"low_{self.name}_score", score)
            if self.max_score is not None:
                high = known & (scores > np.float32(self.max_score))
                batch = reject(batch, high, f"high_{self.name}_score", score)
            if self.pareto_alpha is not None:
                sample = (1 - self._uniform(batch.column("doc_id"))) ** (-1 / self.pareto_alpha) - 1
                batch = reject(batch, ~known | (sample <= 1 - scores), f"{self.name}_not_drawn", score)
            return batch

        return kernel

    def _uniform(self, doc_ids: pa.Array) -> NDArray[np.float64]:
        """Return a number in [0, 1) for each document."""
        import xxhash

        name = f"{self.name}\0".encode()
        hashes = [xxhash.xxh3_64_intdigest(name + one.encode(), self.seed) for one in doc_ids.to_pylist()]
        return (np.array(hashes, np.uint64) >> np.uint64(11)).astype(np.float64) * 2.0**-53

    def _check_label(self, path: Path) -> None:
        labels = read_labels(path)
        if self.label not in labels:
            raise RecipeError(f"model {self.model} has no label '{self.label}'.{or_list(self.label, labels, 'Labels')}")

    @classmethod
    def examples(cls, folder: Path) -> tuple[Example, ...]:
        """A model of two words: `good` speaks for a text, `bad` against it."""
        path = folder / "toy.bin"
        path.write_bytes(toy_model())
        (folder / "toy.json").write_bytes(orjson.dumps({"card": 1, "text": {"lowercase": True}}))
        model = str(path)
        half = cls(model=model, min_score=0.5)
        bad = cls(model=model, label="negative", name="bad", max_score=0.9, lowercase=False)
        drawn = cls(model=model, pareto_alpha=9, line_breaks="unicode")
        likely, unlikely = (float(1 / (1 + np.exp(-x)) + 1e-5) for x in (4, -4))  # fastText adds 1e-5
        return (
            Example(half, {"text": "Good\ngood"}, None, {"classifier_score": likely}),
            Example(half, {"text": "good bad"}, None, {"classifier_score": 0.50001}),
            Example(half, {"text": "bad"}, "low_classifier_score", {"classifier_score": unlikely}),
            Example(half, {"text": " "}, "low_classifier_score", {"classifier_score": None}),
            Example(bad, {"text": "bad"}, "high_bad_score"),
            Example(bad, {"text": "bad good"}, None, {"bad_score": 0.50001}),
            Example(bad, {"text": "BAD"}, None, {"bad_score": None}),
            Example(bad, {"text": " "}, None, {"bad_score": None}),
            Example(drawn, {"text": "good"}, None),
            Example(drawn, {"text": "bad"}, "classifier_not_drawn"),
        )


def toy_model() -> bytes:
    """Return a .bin file: good is (2, 0), bad (0, 2), the labels tell them apart."""
    arguments = struct.pack("<2i12id", 793712314, 12, 2, 5, 1, 1, 5, 1, 3, 3, 0, 0, 0, 100, 1e-4)
    entries = (
        (b"good", 0),
        (b"bad", 0),
        (f"{LABEL_PREFIX}positive".encode(), 1),
        (f"{LABEL_PREFIX}negative".encode(), 1),
    )
    words = b"".join(word + struct.pack("<bqb", 0, 1, kind) for word, kind in entries)
    dictionary = struct.pack("<3i2q", 4, 2, 2, 4, -1) + words
    inputs = struct.pack("<?2q4f", False, 2, 2, 2, 0, 0, 2)
    outputs = struct.pack("<?2q4f", False, 2, 2, 1, -1, -1, 1)
    return arguments + dictionary + inputs + outputs
