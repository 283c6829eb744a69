"""Which licence a LICENSE file or a source file states, as an SPDX expression.

Recognition is by phrases that only one licence text has, after everything but letters and digits is taken out. The GNU
licences' texts alone grant no later version, so they count as `-only`.
"""

import re
from functools import lru_cache
from pathlib import PurePosixPath

TEXT_BYTES = 64 << 10  # of a LICENSE file that are read; the longest common one, GPL-3.0, has 35,000
TAG_CHARS = 4096  # of a source file in which its tag is looked for
TAG = re.compile(r"SPDX-License-Identifier:[ \t]*([A-Za-z0-9.+() -]{2,200})")
FILE_NAME = re.compile(
    r"(?:[a-z0-9.]{1,12}[-_])?(?:un)?licen[cs]e(?:[-_.][a-z0-9.+-]{1,24})?|copying(?:[-_.][a-z0-9]{1,12})?"
)
PLAIN_NAME = re.compile(r"(?:un)?licen[cs]e|copying")
DOCUMENT_SUFFIXES = (".txt", ".md", ".rst", ".markdown")
CODE_SUFFIXES = re.compile(
    r"\.(?:py|js|ts|go|rs|c|h|cc|cpp|hpp|java|rb|php|pl|sh|cs|html?|css|json|ya?ml|xml|toml|svg|png)"
)

PHRASES = (
    ("Apache-2.0", "apache license version 2 0"),
    ("AGPL-3.0-only", "gnu affero general public license version 3 19 november 2007"),
    ("LGPL-3.0-only", "gnu lesser general public license version 3 29 june 2007"),
    ("LGPL-2.1-only", "gnu lesser general public license version 2 1 february 1999"),
    ("LGPL-2.0-only", "gnu library general public license version 2 june 1991"),
    ("GPL-3.0-only", "gnu general public license version 3 29 june 2007"),
    ("GPL-2.0-only", "gnu general public license version 2 june 1991"),
    ("MPL-2.0", "mozilla public license version 2 0"),
    ("MPL-1.1", "mozilla public license version 1 1"),
    ("EPL-2.0", "eclipse public license v 2 0"),
    ("EPL-1.0", "eclipse public license v 1 0"),
    ("CDDL-1.0", "common development and distribution license cddl version 1 0"),
    ("BSL-1.0", "boost software license version 1 0"),
    ("CC0-1.0", "cc0 1 0 universal"),
    ("CC-BY-4.0", "attribution 4 0 international"),
    ("CC-BY-SA-4.0", "attribution sharealike 4 0 international"),
    ("CC-BY-3.0", "attribution 3 0 unported"),
    ("CC-BY-SA-3.0", "attribution sharealike 3 0 unported"),
    ("Artistic-2.0", "the artistic license 2 0"),
    ("PSF-2.0", "python software foundation license version 2"),
    ("WTFPL", "do what the fuck you want to public license"),
    ("Unlicense", "this is free and unencumbered software released into the public domain"),
    ("Zlib", "altered source versions must be plainly marked as such"),
    ("PostgreSQL", "for any purpose without fee and without a written agreement is hereby granted"),
    ("ISC", "with or without fee is hereby granted provided that the above copyright notice and this permission"),
    ("0BSD", "with or without fee is hereby granted the software is provided as is"),
    ("MIT", "permission is hereby granted free of charge to any person obtaining a copy of this software"),
    ("BSD", "redistribution and use in source and binary forms with or without modification are permitted provided"),
)  # fmt: skip


def recognise(text: str) -> str | None:
    """Return the SPDX identifier of the licence that begins first in `text`, None when none is recognised.

    >>> recognise("Apache License\\n   Version 2.0, January 2004")
    'Apache-2.0'
    """
    tag = tagged(text)
    if tag:
        return tag
    plain = " ".join(re.findall(r"[a-z0-9]+", text.lower()))
    found = min(((plain.find(p), name) for name, p in PHRASES if p in plain), default=None)
    if found is None:
        return None
    start, name = found
    if name == "MIT":
        return "MIT" if "the above copyright notice and this permission notice" in plain[start:] else "MIT-0"
    if name == "BSD":
        rest = plain[start : start + 3000]
        if "all advertising materials mentioning" in rest:
            return "BSD-4-Clause"
        return "BSD-3-Clause" if "neither the name" in rest or "may not be used to endorse" in rest else "BSD-2-Clause"
    return name


def tagged(text: str) -> str | None:
    """Return the valid expression of an SPDX-License-Identifier tag near the start of `text`, None without one.

    >>> tagged("// SPDX-License-Identifier: mit OR Apache-2.0")
    'MIT OR Apache-2.0'
    """
    found = TAG.search(text, 0, TAG_CHARS)
    return _validated(found[1].strip()) if found else None


@lru_cache(1024)
def _validated(expression: str) -> str | None:
    from license_expression import ExpressionError, get_spdx_licensing

    try:
        return str(get_spdx_licensing().parse(expression, validate=True))
    except ExpressionError:
        return None


def is_licence_file(path: str) -> bool:
    """Say whether a file's name is that of a licence text.

    >>> [is_licence_file(p) for p in ("a/LICENSE-MIT", "COPYING.txt", "license.py", "licenses/readme.md")]
    [True, True, False, False]
    """
    name = PurePosixPath(path).name.lower()
    if CODE_SUFFIXES.fullmatch(PurePosixPath(name).suffix):
        return False
    return FILE_NAME.fullmatch(_stem(name)) is not None


class FolderLicences:
    """The licences of a tree's folders: a file has that of the nearest folder, at or above it, with a licence text.

    Several texts in one folder: the one with a plain name (LICENSE, COPYING) counts; of texts named for licences
    (LICENSE-MIT and LICENSE-APACHE) the user may choose, so they are joined by OR. COPYING.LESSER goes before COPYING.
    """

    def __init__(self) -> None:
        self._found: dict[str, dict[str, str]] = {}  # folder -> {stem of the file name: identifier}
        self._of: dict[str, str | None] = {}

    def add(self, path: str, text: str) -> None:
        """Take note of the licence file `path`."""
        identifier = recognise(text)
        if identifier:
            where = PurePosixPath(path)
            self._found.setdefault(str(where.parent), {})[_stem(where.name.lower())] = identifier

    def of(self, path: str) -> str | None:
        """Return the expression for the file `path`, None when no folder above it has a recognised licence."""
        folder = str(PurePosixPath(path).parent)
        if folder not in self._of:
            up = str(PurePosixPath(folder).parent)
            here = self._found.get(folder)
            self._of[folder] = _combined(here) if here else self.of(folder) if up != folder else None
        return self._of[folder]


def _stem(name: str) -> str:
    for suffix in DOCUMENT_SUFFIXES:
        name = name.removesuffix(suffix)
    return name


def _combined(found: dict[str, str]) -> str:
    lesser = [found[n] for n in sorted(found) if n.endswith("lesser")]
    plain = lesser or [found[n] for n in sorted(found) if PLAIN_NAME.fullmatch(n)]
    chosen = list(dict.fromkeys(plain or [found[n] for n in sorted(found)]))
    return " OR ".join(f"({e})" if " " in e and len(chosen) > 1 else e for e in chosen)
