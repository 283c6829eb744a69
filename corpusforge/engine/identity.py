"""What a unit of work depends on, as fingerprints.

A stage's identity is its name, version, every field, the content of every file a field resolves to, and the
versions of the packages it depends on: never a path, a time, or an option that cannot change bytes.
"""

import importlib.metadata
import inspect
import sys
import unicodedata
from functools import lru_cache
from pathlib import Path
from typing import Any

from corpusforge.engine.storage import checksum_range, digest
from corpusforge.registry import name_of
from corpusforge.source import Reader
from corpusforge.stage import Stage
from corpusforge.writer import Writer

FORMAT = 4  # raise it when intermediate files, addresses or the layout change


def stage_identity(stage: Stage | Reader | Writer) -> str:
    """Return the fingerprint of a stage, reader or writer: equal identities make the same of the same rows."""
    place = {"paths"} if isinstance(stage, Reader) else {"path"} if isinstance(stage, Writer) else None
    fields = stage.model_dump(mode="json", exclude=place)
    files = stage.files() if isinstance(stage, Stage) else ()
    for path in files:  # the content decides, so the path is taken out of the fields
        fields = _without(fields, path)
    return digest(
        name_of(type(stage)),
        stage.version,
        fields,
        [_checksum(path, _stamp(path)) for path in files],
        {name: version(name) for name in stage.depends},
        _third_party_source(type(stage)),
        unicodedata.unidata_version,
    )


@lru_cache
def version(distribution: str) -> str:
    """Return the installed version of a distribution, or "absent"."""
    try:
        return importlib.metadata.version(distribution)
    except importlib.metadata.PackageNotFoundError:
        return "absent"


def versions() -> dict[str, str]:
    """Return the versions a manifest names: ours, Python's, and those of the packages that decide bytes."""
    packages = (
        "corpusforge",
        "pyarrow",
        "numpy",
        "numba",
        "ray",
        "regex",
        "ftfy",
        "fasttext-numpy2",
        "tokenizers",
    )
    return {
        "python": ".".join(map(str, sys.version_info[:3])),
        "unicode": unicodedata.unidata_version,
        **{name: version(name) for name in packages},
    }


def source_digest() -> str:
    """Return a digest of corpusforge's own source: a run that resumes with other source says so."""
    package = Path(__file__).parents[1]
    files = sorted(package.rglob("*.py"))
    return digest([[p.relative_to(package).as_posix(), checksum_range(str(p))] for p in files])


def _without(fields: Any, path: str) -> Any:
    if isinstance(fields, dict):
        return {k: _without(v, path) for k, v in fields.items()}
    if isinstance(fields, list):
        return [_without(v, path) for v in fields]
    return "<file>" if fields == path else fields


def _stamp(path: str) -> tuple[int, int]:
    stat = Path(path).stat()
    return stat.st_size, stat.st_mtime_ns


@lru_cache(maxsize=4096)
def _checksum(path: str, stamp: tuple[int, int]) -> str:
    return checksum_range(path)


def _third_party_source(cls: type) -> str:
    if cls.__module__.startswith("corpusforge."):
        return ""  # our own stages say so with `version`
    try:
        path = inspect.getfile(cls)
    except (TypeError, OSError):
        return cls.__qualname__
    return _checksum(path, _stamp(path))
