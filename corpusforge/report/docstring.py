"""The sections of a stage's docstring: Reads, Writes, Rejects, Cost, Limits, Errors, Example, Source."""

import inspect
import re

SECTION = re.compile(r"^([A-Z][a-z]+):[ \t]*", re.MULTILINE)
NAMES = ("Reads", "Writes", "Rejects", "Unreadable", "Cost", "Limits", "Errors", "Example", "Source")


def sections(cls: type) -> dict[str, str]:
    """Return the text of each section by name, "" for what stands before the first; examples keep their lines.

    >>> class Shout:
    ...     '''Write in capitals.
    ...
    ...     Null stays null.
    ...
    ...     Reads: text.   Writes: text.
    ...     Source: none;
    ...     an example.
    ...     '''
    >>> sections(Shout)
    {'': 'Write in capitals.\\n\\nNull stays null.', 'Reads': 'text.', 'Writes': 'text.', 'Source': 'none; an example.'}
    """
    text = re.sub(r"[ \t]{2,}(Writes:)", r"\n\1", inspect.getdoc(cls) or "")
    text, _, example = text.partition(">>>")
    found: dict[str, str] = {}
    name, start = "", 0
    marks = [m for m in SECTION.finditer(text) if m[1] in NAMES]
    for mark in [*marks, None]:
        said = text[start : mark.start() if mark else len(text)].strip()
        if said or not name:
            found[name] = said if not name else re.sub(r"\s+", " ", said)
        if mark:
            name, start = mark[1], mark.end()
    if example:
        code, _, rest = example.partition("\n\n")
        found["Example"] = inspect.cleandoc(">>>" + code)
        if (more := SECTION.match(rest.strip())) and more[1] in NAMES:
            found[more[1]] = re.sub(r"\s+", " ", rest.strip()[more.end() :])
    return {key: value for key, value in found.items() if value}


def summary(cls: type) -> str:
    """Return the first paragraph of a docstring as one line."""
    return re.sub(r"\s+", " ", sections(cls).get("", "").partition("\n\n")[0])
