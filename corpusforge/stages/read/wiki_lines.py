"""The lines of a wiki page whose brackets are gone: headings, lists, quotes, and what removal left behind."""

import re

MAX_LEVEL = 6
LIST_ITEM = re.compile(r"([*#:;]+)[ \t]*(.*)")
APOSTROPHES = re.compile(r"'{2,5}")
SWITCH = re.compile(r"__[A-Z]{3,24}__")
LEFT_OVER = (
    (re.compile(r"[ \t]{2,}"), " "),  # first, so that no pattern below meets a long run
    (re.compile(r" ?\([ \t,;:/–-]{0,40}\)"), ""),  # brackets whose whole content was a template
    (re.compile(r"\([ \t]*[,;:][ \t,;:]{0,40}"), "("),
    (re.compile(r"[ \t,;:]{0,40}[,;] ?\)"), ")"),
    (re.compile(r"(?<=\S)[ \t](?=[,.;:)](?:[\s.,;]|$))"), ""),
    (re.compile(r"(?<=\()[ \t]"), ""),
)
NOTHING = re.compile(r"[\s|{}\[\]()*#:;,.!=_-]*")


def tidy(text: str) -> str:
    """Return `text` with a line for each heading and list item (`- `), and at most one blank line between blocks.

    A heading stays only if something stands below it, before the next heading of its level or a higher one.

    >>> tidy("== A ==\\n=== B ===\\n== C ==\\n* ''one'' ( ; two)\\n\\n\\n\\nend")
    'C\\n\\n- one (two)\\n\\nend'
    """
    lines: list[tuple[int, str]] = []  # (level of the heading or 0, text)
    for line in text.split("\n"):
        line = APOSTROPHES.sub(lambda m: "'" if len(m[0]) == 4 else "", SWITCH.sub("", line)).strip()
        level = _heading_level(line)
        if level:
            lines.append((level, _cleaned(line[level:-level])))
            continue
        item = LIST_ITEM.fullmatch(line)
        if item:
            content = _cleaned(item[2])
            listed = "*" in item[1] or "#" in item[1]
            line = (f"- {content}" if listed else content) if content else ""
        else:
            line = _cleaned(line)
        lines.append((0, "" if NOTHING.fullmatch(line) else line))
    return re.sub(r"\n{3,}", "\n\n", "\n".join(_without_empty_sections(lines))).strip("\n")


def _heading_level(line: str) -> int:
    """Return how many equals signs stand at both ends of the line with something between them, at most MAX_LEVEL."""
    inner = line.strip("=")
    before = len(line) - len(line.lstrip("="))
    after = len(line) - len(line.rstrip("="))
    return min(before, after, MAX_LEVEL) if inner else 0


def _cleaned(line: str) -> str:
    for pattern, instead in LEFT_OVER:
        line = pattern.sub(instead, line)
    return line.strip()


def _without_empty_sections(lines: list[tuple[int, str]]) -> list[str]:
    kept: list[str] = []
    below = 0  # level of the nearest kept heading that follows
    content = False  # between here and the next heading
    for level, line in reversed(lines):
        if level == 0:
            content = content or bool(line)
            kept.append(line)
        elif content or below > level:
            kept += ["", line, ""]
            below, content = level, False
    return kept[::-1]
