"""How a copy differs from the text that stays, in a few lines, with personal data masked."""

import difflib
import re

MOST_WORDS = 20_000  # of each text; matching takes seconds beyond
MOST_CHANGES = 8
CONTEXT_WORDS = 4
LONG_WORDS = 30  # a longer change shows its ends


def difference(gone: str, stays: str) -> list[str]:
    """Return what the text that stays has (+) and lacks (-) against the one that went, a line each change.

    Words are compared; each line has some words around the change. Empty when all words are the same.

    >>> difference("The cat sat on the mat.", "The black cat sat on the rug.")
    ['The [+black+] cat sat on the', 'cat sat on the [-mat.-] [+rug.+]']
    """
    old, new = re.findall(r"\S+", gone)[:MOST_WORDS], re.findall(r"\S+", stays)[:MOST_WORDS]
    lines = []
    changes = [op for op in difflib.SequenceMatcher(None, old, new, autojunk=len(old) > 2000).get_opcodes()]
    changes = [op for op in changes if op[0] != "equal"]
    for _, a, b, c, d in changes[:MOST_CHANGES]:
        parts = [*old[max(0, a - CONTEXT_WORDS) : a]]
        parts += [f"[-{_short(old[a:b])}-]"] if b > a else []
        parts += [f"[+{_short(new[c:d])}+]"] if d > c else []
        lines.append(" ".join([*parts, *old[b : b + CONTEXT_WORDS]]))
    if len(changes) > MOST_CHANGES:
        lines.append(f"and {len(changes) - MOST_CHANGES} more changes")
    if max(len(old), len(new)) == MOST_WORDS:
        lines.append(f"only the first {MOST_WORDS:,} words were compared")
    return lines


def _short(words: list[str]) -> str:
    if len(words) <= LONG_WORDS:
        return " ".join(words)
    half = LONG_WORDS // 2
    return f"{' '.join(words[:half])} ... {len(words) - 2 * half} words ... {' '.join(words[-half:])}"
