"""Disks that fill up and storage that fails for a while: told apart, and said so that one knows what to do."""

import errno
import shutil
import tempfile
from pathlib import Path

from corpusforge.engine.remote import RemotePath
from corpusforge.engine.storage import StoredPath
from corpusforge.errors import RunError, StorageError

RESERVE_BYTES = 64 << 20  # left free, so that the ledger can still be written
FULL = (errno.ENOSPC, errno.EDQUOT)
PASSING = (
    *(errno.EIO, errno.ESTALE, errno.ETIMEDOUT, errno.EAGAIN, errno.EBUSY, errno.EREMOTEIO),
    *(errno.ECONNRESET, errno.ECONNABORTED, errno.ECONNREFUSED, errno.EPIPE),
    *(errno.ENETDOWN, errno.ENETUNREACH, errno.ENETRESET, errno.EHOSTDOWN, errno.EHOSTUNREACH),
)


def is_full(error: BaseException) -> bool:
    """Say whether `error` means that a disk or a quota is full; Arrow says so in its message only."""
    if not isinstance(error, OSError):
        return False
    return error.errno in FULL or (error.errno is None and "No space left on device" in str(error))


def passes(error: BaseException) -> bool:
    """Say whether the storage failed in a way that another attempt may not meet."""
    return isinstance(error, StorageError) or (isinstance(error, OSError) and error.errno in PASSING)


def disk_full(folder: StoredPath) -> RunError:
    """Return the error for a disk without room; of a work folder in a store, it is a worker's scratch disk."""
    if isinstance(folder, RemotePath):
        return RunError(
            f"a worker's disk for temporary files is full ({tempfile.gettempdir()}, or what TMPDIR says there). What "
            "is finished stays: make room, or set TMPDIR to a larger disk, and run the same command again to continue"
        )
    return RunError(
        f"the disk of {folder} has {free_bytes(folder) >> 20} MB left. What is finished stays: make room, or give "
        "run.work a folder on a larger disk, and run the same command again to continue"
    )


def check_room(folder: StoredPath) -> None:
    """Raise RunError when the disk of `folder` has less than RESERVE_BYTES left; stores have no end."""
    if isinstance(folder, Path) and free_bytes(folder) < RESERVE_BYTES:
        raise disk_full(folder)


def free_bytes(folder: Path) -> int:
    """Return the free bytes of the disk on which `folder` is, or will be."""
    while not folder.exists():
        folder = folder.parent
    return shutil.disk_usage(folder).free
