"""Inputs in object stores: patterns mean what they mean on a disk, and a listing tells of 1,000 objects a request."""

import fnmatch
import glob
import re

from corpusforge.engine.remote import RemotePath


def matches(pattern: str, suffixes: tuple[str, ...]) -> dict[str, tuple[int, int]]:
    """Return the objects that a pattern such as s3://bucket/web/**/*.gz matches: URI -> (bytes, time in ns).

    `*` stays within a folder, `**` is any number of folders; hidden names are passed over. A folder that is named
    outright is all objects below it whose names end in one of `suffixes`. Lists from the folder before the first
    wildcard on.
    """
    scheme, _, inner = pattern.partition("://")
    parts = (f"{inner}/*" if inner.endswith("/**") else inner).split("/")
    fixed = next((number for number, part in enumerate(parts) if glob.has_magic(part)), len(parts))
    folder = RemotePath(f"{scheme}://{'/'.join(parts[:fixed])}")
    if fixed < len(parts):
        wanted = re.compile("".join(_expressions(parts)))
        found = {path: stat for path, stat in folder.files() if wanted.fullmatch(path.inner)}
    elif folder.is_file():
        found = {folder: folder.stat()}
    else:
        found = {path: stat for path, stat in folder.files() if path.name.endswith(suffixes or "")}
    return {str(path): (stat.st_size, stat.st_mtime_ns) for path, stat in found.items() if path.name[:1] != "."}


def _expressions(parts: list[str]) -> list[str]:
    said = []
    for part in parts[:-1]:
        said.append("(?:[^/.][^/]*/)*" if part == "**" else f"{_expression(part)}/")
    return [*said, _expression(parts[-1])]


def _expression(part: str) -> str:
    # fnmatch lets a star and a question mark stand for a slash too.
    cut = re.split(r"(\[!?\]?[^\]]*\]|\*+|\?)", part)
    known = {"*": "[^/]*", "?": "[^/]"}
    return "".join(known.get(piece[:1], "") or _literal(piece) for piece in cut)


def _literal(piece: str) -> str:
    return fnmatch.translate(piece).removeprefix("(?s:").removesuffix(r")\Z")
