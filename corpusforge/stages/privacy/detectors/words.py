"""Words that speak for or against a candidate, searched in a short window."""

import re
from collections.abc import Iterable

NOWHERE = 1 << 20  # the distance of a word that does not occur

# Words that only join two numbers of one kind.
_JOINS = "and|or|to|und|oder|bis|et|ou|y|ed|och|en|of|via|through|until|from|vs"
_OF_ANOTHER = re.compile(rf".*\d(?=\W+(?!(?:{_JOINS})\b)[^\W\d_]{{2,}})", re.DOTALL | re.IGNORECASE)
_SENTENCE = re.compile(r".*[^\W\d_]{3}[.!?]\s+(?=[^\W\d_]{2,})", re.DOTALL)

_TOKEN = re.compile(r"[^\W\d_]+")


def own(before: str) -> str:
    """Return the part of the text before a candidate that may speak of it: not what another number stands between.

    A number is another's when a word follows it that does more than join two numbers; in a list one word speaks of all
    numbers. What an earlier sentence says is not of it either.

    >>> own("version 1.2.3.4 came from "), own("versions 1.2.3.4 and "), own("a later version. Peer ")
    (' came from ', 'versions 1.2.3.4 and ', 'Peer ')
    """
    for other in (_OF_ANOTHER, _SENTENCE):
        if match := other.match(before):
            before = before[match.end() :]
    return before


class Words:
    """Words, found whole and without regard to case; phrases and signs are found anywhere.

    What a script without spaces writes (电话) counts as a sign.
    """

    def __init__(self, words: Iterable[str]) -> None:
        lowered = {word.lower() for word in words}
        self.words = frozenset(w for w in lowered if _TOKEN.fullmatch(w) and max(w) < "\u2e80")
        self.signs = tuple(sorted(lowered - self.words))

    def distance(self, text: str) -> int:
        """Return how many characters stand between the last of the words in `text` and its end.

        >>> Words(["tel", "call us", "☎"]).distance("Hotel. Tel.: ")
        3
        """
        text = text.lower()
        end = -NOWHERE
        for match in _TOKEN.finditer(text):
            if match[0] in self.words:
                end = match.end()
        for sign in self.signs:
            if (place := text.rfind(sign)) >= 0:
                end = max(end, place + len(sign))
        return min(NOWHERE, len(text) - end)
