"""Visible text of HTML: everything that is not seen is cut out by one regular expression."""

import re
from collections.abc import Callable

# Up to the > outside of quoted values.
REST = r"""(?:=[\0- ]*(?:"[^"]*(?:"|\Z)|'[^']*(?:'|\Z))|[^>])*+(?:>|\Z)"""
UNSEEN = re.compile(
    rf"<(?P<name>script|style|template)(?=[\0- />]|\Z){REST}.*?(?=</(?P=name)|\Z)"
    rf"|<[a-z]{REST}|</{REST}|<!--.*?(?:-->|\Z)|<[!?][^>]*(?:>|\Z)",
    re.IGNORECASE | re.ASCII | re.DOTALL,
)
ENTITY = re.compile(r"&[a-zA-Z#][a-zA-Z0-9]{0,30};")
PIECE = re.compile(f"(?:{UNSEEN.pattern})|(?P<entity>{ENTITY.pattern})|(?P<seen>.)", UNSEEN.flags)

FRAGMENTS = [
    *("<p>", "</p>", "<a href='", '<a b="', "='", '=" ', "'>", '">', "/>", "<", "</", ">", "<!", "<!--", "-->", "--"),
    *("<?php", "?>", "<script>", "<SCRIPT src=x>", "</Script>", "</script", "<ſcript>", "<scripts>", "<style/>"),
    *(
        "</style>",
        "<template>",
        "</template>",
        "&amp;",
        "&",
        "&#233;",
        "&#xe9;",
        "&ampersand",
        ";",
        "&é;",
        "ä漢",
        "1 < 2",
    ),
    *("&a" + "b" * 30 + ";", "&a" + "b" * 31 + ";", "=", "a = '>' b", "\0"),
]


def visible(text: str) -> int:
    return sum(bool(m["entity"] or m["seen"]) for m in PIECE.finditer(text))


REFERENCE: dict[str, Callable[[str], float]] = {
    "visible_text_chars": visible,
    "visible_text_fraction": lambda x: visible(x) / max(1, len(x)),
}
