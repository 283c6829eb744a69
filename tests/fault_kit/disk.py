"""A disk small enough to be filled up: a file system in a file, or in memory."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

FILLER = "filler"


@contextmanager
def small_disk(folder: Path, size: int) -> Iterator[Path]:
    """Mount a file system of `size` bytes at `folder`/disk; ext4 in a file if that works here. Needs root."""
    place, image = folder / "disk", folder / "disk.img"
    place.mkdir(parents=True)
    with open(image, "wb") as file:
        file.truncate(size)
    made = shutil.which("mkfs.ext4") is not None
    made = made and _ok("mkfs.ext4", "-q", "-m", "0", str(image)) and _ok("mount", "-o", "loop", str(image), str(place))
    if not made and not _ok("mount", "-t", "tmpfs", "-o", f"size={size}", "none", str(place)):
        raise PermissionError("a small disk must be mounted, which needs root")
    try:
        yield place
    finally:
        _ok("umount", "--lazy", str(place))
        image.unlink()


def _ok(*command: str) -> bool:
    return subprocess.run(command, capture_output=True).returncode == 0


def fill(disk: Path, leave: int) -> None:
    """Take all of a disk but `leave` bytes."""
    with open(disk / FILLER, "wb", buffering=0) as file:
        free = shutil.disk_usage(disk).free
        os.posix_fallocate(file.fileno(), 0, max(free - leave - (1 << 20), 1))
        file.seek(0, os.SEEK_END)
        with suppress(OSError):  # the file's own records take room too
            while shutil.disk_usage(disk).free > leave:
                file.write(bytes(4096))


def make_room(disk: Path) -> bool:
    """Give back what `fill` took; False when nothing was taken."""
    there = (disk / FILLER).exists()
    (disk / FILLER).unlink(missing_ok=True)
    return there
