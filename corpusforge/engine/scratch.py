"""Scratch: a folder on the local disk for this process, where files are made before they go to an object store.

It lies in the folder for temporary files, which TMPDIR names, and is removed when the process ends; what killed
processes left is removed by the next one on that machine, and where the driver is when a run ends.
"""

import atexit
import os
import shutil
import tempfile
from functools import cache
from pathlib import Path

import psutil


def scratch() -> Path:
    """Return the folder of this process."""
    return _made(os.getpid())


def sweep() -> None:
    """Remove what killed processes left on this machine."""
    top = _top()
    if top.is_dir() and top.stat().st_uid == os.getuid():
        for other in top.iterdir():
            if not _alive(other.name):
                shutil.rmtree(other, ignore_errors=True)


def _top() -> Path:
    return Path(tempfile.gettempdir()) / f"corpusforge-{os.getuid()}"


@cache
def _made(pid: int) -> Path:
    top = _top()
    top.mkdir(mode=0o700, exist_ok=True)
    if top.stat().st_uid != os.getuid():  # somebody else made it, and could read and change what is put there
        raise PermissionError(f"{top} belongs to another user; remove it, or set TMPDIR to a folder of your own")
    sweep()
    folder = top / f"{pid}-{int(psutil.Process(pid).create_time() * 100)}"
    folder.mkdir(exist_ok=True)
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder


def _alive(name: str) -> bool:
    pid, _, started = name.partition("-")
    if not (pid.isdigit() and started.isdigit()):
        return True  # not ours to judge
    try:
        return int(psutil.Process(int(pid)).create_time() * 100) == int(started)
    except psutil.NoSuchProcess:
        return False
