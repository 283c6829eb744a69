"""The few templates that stand for running text; all others leave nothing.

Names are those of the English Wikipedia, many of which other editions share.
"""

import re

# Their first argument is what they show.
FIRST = frozenset(
    "nowrap nobr small big smaller larger abbr tooltip mvar math var em strong code samp kbd tt sup sub smallcaps sc "  # noqa: SIM905
    "ill center nobold linktext notatypo sic flag flagcountry angbr keypress nihongo".split()
)
LAST = frozenset(["lang", "langx", "transl", "transliteration", "wikt-lang", "zh"])
QUOTES = frozenset(["quote", "blockquote", "cquote", "bq", "quotation"])
SIGNS = {
    "ndash": "–", "en dash": "–", "snd": " – ", "spaced ndash": " – ", "spnd": " – ", "mdash": "—", "em dash": "—",
    "!": "|", "=": "=", "'": "'", "dot": " · ", "·": " · ", "middot": " · ", "nbsp": " ", "pi": "π", "degree": "°",
}  # fmt: skip
NAMED = re.compile(r"\s*([\w -]{1,30})=", re.S)
NUMBER = re.compile(r"[\d.,+\-−/⁄ ]+")
DEGREES = {"C": "°C", "F": "°F"}
BETWEEN = {"to": "to", "-": "–", "–": "–", "and": "and", "x": "×", "by": "by", "or": "or"}


def render_template(parts: list[str]) -> str:
    """Return what the template `parts` (name, then arguments, their own templates rendered) shows.

    >>> render_template(["convert", "5", "to", "10", "km", "mi"]), render_template(["Infobox", "name=x"])
    ('5 to 10 km', '')
    """
    name = " ".join(parts[0].replace("_", " ").lower().split())
    if name in SIGNS:
        return SIGNS[name]
    if len(parts) == 1:
        return ""
    positional, named = _arguments(parts[1:])
    if name in QUOTES:
        return f"\n{named.get('text') or named.get('quote') or (positional[0] if positional else '')}\n"
    if not positional:
        return ""
    if name in FIRST:
        return positional[0]
    if name in LAST or (name.startswith("lang-") and len(name) <= 12):
        return positional[-1] if name not in ("lang", "langx") or len(positional) < 2 else positional[1]
    if name in ("convert", "cvt"):
        return _measure(positional)
    if name in ("frac", "sfrac", "fraction"):
        return _fraction(positional)
    if name in ("c.", "circa", "ca."):
        return f"c. {positional[0]}"
    return ""


def _arguments(parts: list[str]) -> tuple[list[str], dict[str, str]]:
    positional, named = [], {}
    for part in parts:
        found = NAMED.match(part)
        if found is None:
            positional.append(part.strip())
        elif found[1].strip().isdecimal():
            positional.append(part[found.end() :].strip())
        else:
            named[found[1].strip().lower()] = part[found.end() :].strip()
    return positional, named


def _measure(arguments: list[str]) -> str:
    shown: list[str] = []
    for argument in arguments:
        if NUMBER.fullmatch(argument):
            shown.append(argument)
        elif argument in BETWEEN and shown:
            shown.append(BETWEEN[argument])
        else:
            shown.append(DEGREES.get(argument, argument))
            break
    return " ".join(shown)


def _fraction(arguments: list[str]) -> str:
    if len(arguments) == 1:
        return f"1/{arguments[0]}"
    if len(arguments) == 2:
        return f"{arguments[0]}/{arguments[1]}"
    return f"{arguments[0]} {arguments[1]}/{arguments[2]}"
