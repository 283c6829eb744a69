"""Words and their lengths, from spaCy's own tokens."""

from collections.abc import Callable, Sequence
from functools import cache

import regex
import spacy

# datatrove 0.10: punctuation, control characters and the sentence marks of Unicode 15.0, three Khmer signs added.
NEWER = "\u1b4e\u1b4f\u1b7f\u2024\u2cf9-\u2cfb\u2e60\u2e61\ufe12\ufe15\ufe16\U000113d4\U000113d5\U00016d6e\U00016d6f"
SYMBOLS = regex.compile(
    r"[!-/:-@\[-`{-~\u0000-\u0008\u000b-\u001f\u007f-\u009f«´»–—’“-„…∶━►、〈-」【】％（），１：；～\u17d6\u17d9\u17da"
    rf"[\p{{Sentence_Terminal}}--[{NEWER}]]]+",
    regex.V1,
)


@cache
def tokenizer() -> Callable[[str], Sequence]:
    nlp = spacy.blank("en")
    nlp.max_length = 1 << 24
    return nlp.tokenizer


@cache
def words(text: str) -> list[str]:
    return [t.text.strip() for t in tokenizer()(text) if t.text.strip()]


def over(part: float, whole: float) -> float:
    return part / whole if whole else 0.0


def plain_words(text: str) -> list[str]:
    return [word for word in words(text) if not SYMBOLS.fullmatch(word)]


REFERENCE: dict[str, Callable[[str], float]] = {
    "word_count": lambda x: len(plain_words(x)),
    "mean_word_length": lambda x: over(sum(map(len, plain_words(x))), len(plain_words(x))),
}
