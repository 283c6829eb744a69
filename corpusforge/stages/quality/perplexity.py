"""quality.perplexity: how surprised an n-gram language model is by a text."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pydantic import Field, field_validator, model_validator

from corpusforge.errors import RecipeError
from corpusforge.registry import resource
from corpusforge.stage import Example, Kernel, Stage, kept, reject, with_columns
from corpusforge.stages.quality.language_models import model_kind, need, scorer

if TYPE_CHECKING:
    from corpusforge.text.lm_tokens import TextForm


class Perplexity(Stage):
    """Measure perplexity under n-gram language models, and keep what is neither too surprising nor too plain.

    Perplexity is 10^(-log10 P / N), P being the model's probability of all tokens and the ends of lines, N their
    number. A null text, one without a token and one in a language without a model have null and are kept.

    `model` is the path of a file of `corpusforge train perplexity`, an ARPA file, or a KenLM binary (package kenlm);
    `models` has one for each value of the column `language` instead.

    How texts become tokens follows the model's file; for ARPA and KenLM it is as CCNet does it, and may be set:

    - `normalize`: ccnet (lower case, no accents, digits 0, punctuation ASCII, control characters removed: words at
      line ends are glued, as in CCNet); spaced (the same, but control characters become spaces); none.
    - `unit`: document (the whole text is one line, as CCNet has it) or line (each line has its own begin and end; the
      tokens of all lines count together).
    - `tokens`: words (runs of letters and digits, single letters of scripts without spaces, single other characters)
      or whitespace (ASCII, as KenLM cuts). `sentencepiece` (or `sentencepieces` by language; package sentencepiece)
      is the path of a model whose pieces are the tokens, as for CCNet's own models.

    `cutoffs` writes the column `perplexity_bucket`: head below the first number, middle below the second, else tail,
    of the perplexity rounded to 0.1, by language: `ccnet` (filters/ccnet_cutoffs.yaml, for CCNet's models), the path of
    such a file, or a map. A language without cut-offs and a null perplexity get `all`. For shares of your own corpus
    put quality.quantile_buckets or quality.top_fraction on the column `perplexity`.

    Reads: text; language with `models` or `cutoffs`.
    Writes: perplexity (float64); perplexity_bucket (string) with `cutoffs`.
    Rejects: high_perplexity, low_perplexity (value: the perplexity).
    Cost: 0.03 CPU s per MB with a model of 2.5 million n-grams (31 MB), 0.05 with 11 million (133 MB), mapped from the
    file and shared by workers; KenLM 0.12 on our tokens; SentencePiece and KenLM 0.6. An ARPA file is read by each
    worker when it starts, 0.05 CPU s per MB, into 12 bytes for each n-gram.
    Errors: a file that is no model, a package that is missing, cut-offs that do not rise.

    Example:
        quality.perplexity: {models: {en: models/en.ngrams, de: models/de.ngrams}, max_perplexity: 1500}

    Source: Wenzek et al. 2020 (CCNet, arXiv:1911.00359, section 4.4; cc_net/perplexity.py), which rounds the column
    to 0.1; Heafield 2011 (KenLM).
    """

    reasons: ClassVar = ("high_perplexity", "low_perplexity")
    depends: ClassVar = ("kenlm", "sentencepiece")
    memory_bytes: ClassVar[int] = 256 << 20

    model: str | None = None
    models: tuple[tuple[str, str], ...] = ()  # in a recipe a map
    max_perplexity: float | None = Field(None, gt=0)
    min_perplexity: float | None = Field(None, gt=0)
    cutoffs: str | tuple[tuple[str, tuple[float, float]], ...] = ()
    normalize: Literal["ccnet", "spaced", "none"] | None = None
    unit: Literal["document", "line"] | None = None
    tokens: Literal["words", "whitespace"] | None = None
    sentencepiece: str | None = None
    sentencepieces: tuple[tuple[str, str], ...] = ()

    @field_validator("models", "sentencepieces", "cutoffs", mode="before")
    @classmethod
    def _from_map(cls, value: Any) -> Any:
        return tuple(value.items()) if isinstance(value, dict) else value

    @model_validator(mode="after")
    def _fits(self) -> "Perplexity":
        if (self.model is None) == (not self.models):
            raise ValueError("give model, or models by language; corpusforge train perplexity makes one")
        if self.sentencepieces and not self.models:
            raise ValueError("sentencepieces belong to models by language; with model, give sentencepiece")
        try:
            for path in self._paths():
                model_kind(Path(path))
            if self.sentencepiece or self.sentencepieces:
                need("sentencepiece", "sentencepiece: is set")
            self._cutoffs()
        except RecipeError as error:
            raise ValueError(error.message) from error
        return self

    def columns_read(self) -> tuple[str, ...]:
        """The text, and its language where that decides."""
        return ("text", "language") if self.models or self.cutoffs else ("text",)

    def columns_written(self) -> Mapping[str, pa.DataType]:
        """The perplexity, and its bucket when there are cut-offs."""
        bucket = {"perplexity_bucket": pa.string()} if self.cutoffs else {}
        return {"perplexity": pa.float64(), **bucket}

    def rejection_reasons(self) -> tuple[str, ...]:
        """Those of the bounds that are set."""
        bounds = (self.max_perplexity, self.min_perplexity)
        return tuple(reason for reason, bound in zip(self.reasons, bounds, strict=True) if bound is not None)

    def files(self) -> tuple[str, ...]:
        """The models and the cut-offs."""
        pieces = [path for _, path in self.sentencepieces] + ([self.sentencepiece] if self.sentencepiece else [])
        cutoffs = [str(resource("filters", self._cutoffs_name()))] if isinstance(self.cutoffs, str) else []
        return (*self._paths(), *pieces, *cutoffs)

    def open(self) -> Kernel:
        """Load the models."""
        pieces = dict(self.sentencepieces)
        if self.model is not None:
            by_language = {"": scorer(Path(self.model), self._form(self.model), self.sentencepiece)}
        else:
            by_language = {
                language: scorer(Path(path), self._form(path), pieces.get(language, self.sentencepiece))
                for language, path in self.models
            }
        cutoffs = self._cutoffs()

        def kernel(batch: pa.RecordBatch) -> pa.RecordBatch:
            perplexity = np.full(batch.num_rows, np.nan)
            alive = kept(batch)
            for language, score in by_language.items():
                mine = alive
                if language:
                    equal = pc.fill_null(pc.equal(batch.column("language"), language), False)
                    mine = alive & equal.to_numpy(zero_copy_only=False)
                if mine.any():
                    whole = mine.all()
                    text = batch.column("text") if whole else batch.column("text").filter(pa.array(mine))
                    log10, tokens = score(text)
                    with np.errstate(over="ignore"):
                        perplexity[mine] = np.where(tokens > 0, 10 ** (-log10 / np.maximum(tokens, 1)), np.nan)
            batch = with_columns(batch, perplexity=pa.array(perplexity, mask=np.isnan(perplexity)))
            if cutoffs:
                batch = with_columns(batch, perplexity_bucket=_buckets(perplexity, batch.column("language"), cutoffs))
            if self.max_perplexity is not None:
                batch = reject(batch, perplexity > self.max_perplexity, "high_perplexity", perplexity)
            if self.min_perplexity is not None:
                batch = reject(batch, perplexity < self.min_perplexity, "low_perplexity", perplexity)
            return batch

        return kernel

    def _paths(self) -> tuple[str, ...]:
        return (self.model,) if self.model is not None else tuple(path for _, path in self.models)

    def _form(self, path: str) -> "TextForm":
        from corpusforge.text.lm_tokens import TextForm
        from corpusforge.text.ngram_file import read_form

        ours = model_kind(Path(path)) == "ngrams"
        form = read_form(Path(path)) if ours else TextForm("ccnet", "document", "whitespace")
        return TextForm(self.normalize or form.normalize, self.unit or form.unit, self.tokens or form.tokens)

    def _cutoffs_name(self) -> str:
        return "ccnet_cutoffs" if self.cutoffs == "ccnet" else str(self.cutoffs)

    def _cutoffs(self) -> dict[str, tuple[float, float]]:
        if isinstance(self.cutoffs, str):
            found = _read_cutoffs(resource("filters", self._cutoffs_name()))
        else:
            found = dict(self.cutoffs)
        for language, (first, second) in found.items():
            if not 0 < first < second:
                raise RecipeError(f"cutoffs: {language} has {first:g} and {second:g}; two numbers that rise are needed")
        return found

    @classmethod
    def examples(cls, folder: Path) -> tuple[Example, ...]:
        """A model of four sentences: its own words in order, out of order, and over and over."""
        path = folder / "small.arpa"
        path.write_text(_SMALL, encoding="utf-8")
        plain = cls(model=str(path), tokens="words", max_perplexity=50, min_perplexity=1.5)
        head = cls(models={"en": str(path)}, cutoffs={"en": (5, 20)})
        ordered, odd = "The cat sat .", "Zebra quantum flux"
        return (
            Example(plain, {"text": ordered}, None, {"perplexity": 10 ** (1.3 / 5)}),
            Example(plain, {"text": odd}, "high_perplexity"),
            Example(cls(model=str(path), min_perplexity=2), {"text": ordered}, "low_perplexity"),
            Example(plain, {"text": " "}, None, {"perplexity": None}),
            Example(head, {"text": ordered, "language": "en"}, None, {"perplexity_bucket": "head"}),
            Example(head, {"text": odd, "language": "en"}, None, {"perplexity_bucket": "tail"}),
            Example(head, {"text": odd, "language": "de"}, None, {"perplexity": None, "perplexity_bucket": "all"}),
        )


_SMALL = """\\data\\
ngram 1=7
ngram 2=5

\\1-grams:
-3\t<unk>\t0
-99\t<s>\t-0.3
-0.8\t</s>\t0
-1\tthe\t-0.3
-1\tcat\t-0.3
-1\tsat\t-0.3
-1\t.\t-0.3

\\2-grams:
-0.3\t<s> the
-0.3\tthe cat
-0.3\tcat sat
-0.2\tsat .
-0.2\t. </s>

\\end\\
"""


def _read_cutoffs(path: Path) -> dict[str, tuple[float, float]]:
    from ruamel.yaml import YAML
    from ruamel.yaml.error import YAMLError

    try:
        read = YAML(typ="safe").load(path)
        return {str(language): (float(pair[0]), float(pair[1])) for language, pair in read.items()}
    except (YAMLError, AttributeError, TypeError, ValueError, IndexError) as error:
        raise RecipeError(f"{path}: lines 'en: [340, 520]' are needed, a language and two cut-offs: {error}") from error


def _buckets(perplexity: np.ndarray, language: pa.Array, cutoffs: Mapping[str, tuple[float, float]]) -> pa.Array:
    which = pc.fill_null(pc.index_in(language, pa.array(list(cutoffs), pa.string())), -1).to_numpy()
    bounds = np.array([*cutoffs.values(), (np.nan, np.nan)])[which]
    rounded = np.round(perplexity, 1)
    place = np.where(rounded < bounds[:, 0], 0, np.where(rounded < bounds[:, 1], 1, 2))
    place[np.isnan(perplexity) | (which < 0)] = 3
    return pa.array(["head", "middle", "tail", "all"], pa.string()).take(pa.array(place))
