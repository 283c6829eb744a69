"""A failing disk is not a damaged file: it stops the run, and no reader makes quarantine rows of it."""

import tarfile
import zipfile
from pathlib import Path
from typing import Any

import pytest

from corpusforge.engine import scratch, storage
from corpusforge.errors import StorageError
from corpusforge.source import Reader, Split
from corpusforge.stages.read.books import Books
from corpusforge.stages.read.code import Code
from corpusforge.stages.read.jsonl import Jsonl
from corpusforge.stages.read.warc import Warc


def write(path: Path) -> Path:
    """Write an input that `path`'s suffix names."""
    if path.suffix == ".zip":
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("a.py", "print(1)\n")
    elif path.suffix == ".tar":
        with tarfile.open(path, "w") as archive:
            archive.add(__file__, "a.py")
    else:
        path.write_bytes(b'{"text": "a"}\n')
    return path


@pytest.mark.parametrize(
    ("reader", "name"), [(Code, "a.zip"), (Code, "a.tar"), (Books, "a.txt"), (Jsonl, "a.jsonl"), (Warc, "a.warc")]
)
def test_a_failing_disk_is_not_taken_for_damage(
    reader: type[Reader], name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write(tmp_path / name)
    size = path.stat().st_size

    def fail(self: Any, *_: Any) -> int:
        raise StorageError("Input/output error")

    monkeypatch.setattr(storage._Stored, "readinto", fail)
    monkeypatch.setattr(storage._Stored, "readall", fail)
    with pytest.raises(StorageError, match="Input/output error"):
        list(reader(paths=(str(path),)).read(Split("s", str(path), name, 0, size, size, 1)))


@pytest.mark.skipif(not Path("/proc/self/mem").exists(), reason="needs a file whose reads fail, as Linux has")
def test_a_failing_read_says_which_file() -> None:
    with pytest.raises(StorageError, match="/proc/self/mem: Input/output error"):
        storage.open_input("/proc/self/mem").read(1)


def test_what_a_killed_process_left_in_the_scratch_folder_is_swept_and_that_of_a_living_one_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(scratch.tempfile, "gettempdir", lambda: str(tmp_path))
    monkeypatch.setattr(scratch.atexit, "register", lambda *_, **__: None)
    scratch._made.cache_clear()
    mine = scratch.scratch()
    dead = mine.with_name(f"{2**22 + 1}-1")
    (dead / "data").mkdir(parents=True)
    scratch.sweep()
    assert mine.is_dir() and not dead.exists()
    scratch._made.cache_clear()
