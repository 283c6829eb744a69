"""Clean an output folder: intermediates, and files that a killed run left behind."""

import re
from dataclasses import dataclass
from pathlib import Path

from corpusforge.engine.lock import Lock, owner
from corpusforge.engine.part_files import files_of
from corpusforge.engine.storage import StoredPath, below, files_below, remove_tree, stored_path
from corpusforge.engine.verify import KINDS, unnamed_files
from corpusforge.errors import OutputError
from corpusforge.report.lookup import read_manifest

OURS = re.compile(r"(part-\d+.*|\..*\.\d+\.tmp)")  # parts, and files that were being written


@dataclass(frozen=True)
class Cleaned:
    """What was removed, and what was left since no run wrote it; paths relative to the output."""

    removed: tuple[str, ...]
    bytes: int
    left: tuple[str, ...]


def clean(path: str | Path, *, unfinished: bool = False, dry: bool = False) -> Cleaned:
    """Remove .work, .new and parts that the manifest does not name from the output folder `path`.

    Files of other names stay. Raises OutputError while a run works there, where no run has been, and for an unfinished
    run unless `unfinished` is true: its work would have to be done again. `dry`: say only what would be removed.
    """
    output = stored_path(path)
    work, staging = output / ".work", output / ".new"
    finished = (output / "manifest.json").is_file()
    if not finished and not work.is_dir():
        raise OutputError(f"{output}: no run has been here, so nothing is removed")
    if work.is_symlink() or staging.is_symlink():
        raise OutputError(f"{output}: .work or .new is a link to another place; remove what it leads to by hand")
    holder = owner(work)
    if holder is not None and holder.alive:
        raise OutputError(f"{output}: process {holder.pid} on {holder.host} works here; wait for it, or end it first")
    if not finished and not unfinished:
        raise OutputError(
            f"{output}: this run is unfinished and would continue with the same command; give --unfinished to throw "
            "its work away"
        )
    with Lock(work):
        manifest = read_manifest(output) if finished else {}
        parts = [p for kind in ("shards", *KINDS[1:]) for p in manifest.get(kind, ())]
        named = {file["path"] for file in files_of(parts)}
        strays = [p for p in unnamed_files(output, named) if not p.is_symlink()]
        strays += [p for p in output.glob(".*.tmp") if p.is_file()]
        gone: list[StoredPath] = [p for p in strays if OURS.fullmatch(p.name)]
        left = tuple(below(p, output) for p in strays if p not in gone)
        inside: list[StoredPath] = list(work.iterdir())
        folders = [p for p in (*sorted(inside, key=str), staging) if p.exists() and p.name != "lock"]
        size = sum(_size(p) for p in (*gone, *folders))
        removed = tuple(below(p, output) for p in (*gone, *folders))
        if not dry:
            for entry in (*gone, *folders):
                remove_tree(entry) if entry.is_dir() else entry.unlink()
    if not any(work.iterdir()):
        work.rmdir()
    return Cleaned(removed, size, left)


def _size(path: StoredPath) -> int:
    return sum(p.stat().st_size for p in files_below(path)) if path.is_dir() else path.stat().st_size
