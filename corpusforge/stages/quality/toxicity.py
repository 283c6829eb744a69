"""quality.toxicity: how dense vulgar and abusive words are in a text."""

import importlib.util
import math
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pydantic import Field, field_validator, model_validator

from corpusforge.errors import RecipeError
from corpusforge.registry import nearest, shipped
from corpusforge.stage import Example, Kernel, Stage, reject, with_columns

_HALF = 1 / 50  # share of listed words that scores 0.5


class Toxicity(Stage):
    """Reject texts in which vulgar and abusive words are dense.

    Words are compared whole, regardless of case; several words of an entry must stand side by side; in Japanese,
    Chinese and Thai an entry matches wherever its letters stand. With s the share of the text's words that belong to
    a hit, the score is 1 - 2^(-50 s): 0.5 at one word in 50, 0.97 at one in 10. A text is rejected when its score is
    above `max_score` and it has at least `min_hits` hits, or when it has more than `max_hits` hits.
    Names of groups of people, anatomy, medicine and news are no hits: they are not on the lists.

    Lists: English from the package badwords-py (MIT; parts from LDNOOBW, CC BY 4.0) without the words in
    filters/words/not_toxic.en.txt; de es fr it ja ko nl pl pt ru th uk zh of our own, some 30 words each, in
    filters/words/toxic.LANGUAGE.txt. `lists` adds files of yours, named NAME.LANGUAGE.txt, one entry a line.
    A document is measured by the list of its `language` column, English where that is null; or, with `languages`, by
    all lists of these. A language without a list gets a null score, which rejects nothing; a null or empty text 0.

    Reads: text, language.
    Writes: toxicity_score (float32, 0..1).
    Rejects: toxic (value: the score; detail: the number of hits).
    Cost: 0.001 CPU s per MB beyond cutting the words, which other stages share; 10 MB.
    Limits: a list knows words, not meaning: it sees neither threats and contempt in clean words nor quotation. Tweets
    labelled offensive are found with precision 0.965 and recall 0.035 (OLID) and 0.999 and 0.284 (Davidson et al.,
    collected by such words); with min_hits 1, 0.849 / 0.247 and 0.992 / 0.810. Rejected of 23,225 paragraphs of
    English Gutenberg books: 2, with min_hits 1 19; "any word of the packaged list" would reject 4.6 %. Of 12,157
    manual pages, reviews and news, 1. Our lists of other languages were checked for false hits only (3,300
    sentences, 1,400 manual pages: none). Put it after quality.language: English words mean other things elsewhere.
    Errors: a language without a list; a list that does not exist or whose name has no language.

    Example:
        >>> from corpusforge.testing import judge
        >>> judge(Toxicity(), "You stupid bastard, fuck off, you asshole.", "She is a lesbian and a Muslim.")
        ['toxic', None]

    Source: own; density instead of "any word" as in ROOTS (Laurençon et al. 2022, flagged words).
    """

    reads: ClassVar = ("text", "language")
    writes: ClassVar = {"toxicity_score": pa.float32()}
    reasons: ClassVar = ("toxic",)

    languages: tuple[str, ...] = ()
    max_score: float = Field(0.5, ge=0, le=1)
    min_hits: int = Field(2, ge=1)
    max_hits: int | None = Field(None, ge=0)
    lists: tuple[str, ...] = ()

    @field_validator("languages", "lists", mode="before")
    @classmethod
    def _one(cls, value: Any) -> Any:
        return (value,) if isinstance(value, str) else value

    @model_validator(mode="after")
    def _known_lists(self) -> "Toxicity":
        try:
            known = _files(self.lists)
        except RecipeError as error:
            raise ValueError(error.message) from error
        for language in self.languages:
            if language not in known:
                listed = ", ".join(sorted(known))
                raise ValueError(
                    f"there is no word list for language '{language}'.{nearest(language, list(known))} "
                    f"There are lists for {listed}; give your own as lists: [NAME.{language}.txt]"
                )
        return self

    def files(self) -> tuple[str, ...]:
        """The word lists."""
        used = [path for paths in _files(self.lists).values() for path in paths]
        return tuple(str(path) for path in [*used, shipped("filters") / "words" / "not_toxic.en.txt"])

    def open(self) -> Kernel:
        """Load the lists."""
        from corpusforge.text import segment
        from corpusforge.text.phrases import Phrases

        harmless = set(_entries(shipped("filters") / "words" / "not_toxic.en.txt"))
        lists = {
            language: [e for path in paths for e in _entries(path) if not (path.name == "en.txt" and e in harmless)]
            for language, paths in _files(self.lists).items()
        }
        if self.languages:
            lists = {"": [entry for language in self.languages for entry in lists[language]]}
        phrases = Phrases(lists)
        names = pa.array(phrases.names, pa.string())

        def kernel(batch: pa.RecordBatch) -> pa.RecordBatch:
            words = segment(batch["text"]).words
            if self.languages:
                which = np.zeros(batch.num_rows, np.int32)
            else:
                found = pc.index_in(batch["language"].fill_null("en"), names).fill_null(-1)
                which = np.ascontiguousarray(found.to_numpy(), np.int32)
            hits, covered = phrases.count(words, which)
            share = covered / np.maximum(words.counts, 1)
            score = (1 - np.exp2(-share / _HALF)).astype(np.float32)
            batch = with_columns(batch, toxicity_score=pa.array(score, mask=which < 0))
            toxic = (score > np.float32(self.max_score)) & (hits >= self.min_hits)
            if self.max_hits is not None:
                toxic |= hits > self.max_hits
            return reject(batch, toxic, "toxic", score, pa.array(hits).cast(pa.string()))

        return kernel

    @classmethod
    def examples(cls, folder: Path) -> tuple[Example, ...]:
        """Abuse is rejected; one strong word in a long text, groups of people, and other languages' words are not."""
        mine = folder / "mine.la.txt"
        mine.write_text("stultus\n", encoding="utf-8")
        book = "He walked down to the harbour and looked at the ships for a long while. " * 5 + "Well, shit!"
        return (
            Example(cls(), {"text": "You bastard, fuck off."}, "toxic", {"toxicity_score": 1 - math.exp2(-25)}),
            Example(cls(), {"text": book}, None),
            Example(cls(), {"text": "Gay, lesbian, Black, Jewish and Muslim people."}, None, {"toxicity_score": 0.0}),
            Example(cls(), {"text": "Du Arschloch, verpiss dich!", "language": "de"}, "toxic"),
            Example(cls(), {"text": "Du Arschloch, verpiss dich!", "language": "en"}, None),
            Example(cls(), {"text": "你他妈的傻逼", "language": "zh"}, "toxic"),
            Example(cls(), {"text": "fuck, fuck", "language": "eo"}, None, {"toxicity_score": None}),
            Example(cls(max_hits=0), {"text": book}, "toxic"),
            Example(cls(lists=(str(mine),), languages=("la",)), {"text": "Stultus es, stultus!"}, "toxic"),
        )


def _files(own: tuple[str, ...]) -> dict[str, list[Path]]:
    """Return the files of every language, sorted by language."""
    package = importlib.util.find_spec("badwords")  # finding it imports nothing
    if package is None or package.origin is None:
        raise RecipeError("the English list is in the package badwords-py: pip install badwords-py")
    found = {"en": [Path(package.origin).parent / "resource" / "words" / "en.txt"]}
    for path in sorted((shipped("filters") / "words").glob("toxic.*.txt")):
        found.setdefault(path.name.split(".")[1], []).append(path)
    for name in own:
        parts = Path(name).name.split(".")
        if len(parts) < 3:
            raise RecipeError(f"word list '{name}' does not say its language; name it NAME.LANGUAGE.txt")
        if not Path(name).is_file():
            raise RecipeError(f"there is no word list '{name}'")
        found.setdefault(parts[-2], []).append(Path(name))
    return dict(sorted(found.items()))


def _entries(path: Path) -> list[str]:
    lines = (line.strip() for line in path.read_text(encoding="utf-8").splitlines())
    return [line.lower() for line in lines if line and not line.startswith("#")]
