"""An S3-compatible server in a process of its own, in memory."""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pyarrow.fs

KEYS = {"AWS_ACCESS_KEY_ID": "testing", "AWS_SECRET_ACCESS_KEY": "testing", "AWS_DEFAULT_REGION": "us-east-1"}
START_SECONDS = 60


@contextmanager
def store(bucket: str) -> Iterator[int]:
    """Start a server with an empty bucket; yield its port on 127.0.0.1."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
    quiet = subprocess.DEVNULL
    process = subprocess.Popen(command, stdout=quiet, stderr=quiet, env={**os.environ, **KEYS})
    try:
        begun = time.monotonic()
        while not _listens(port):
            if process.poll() is not None or time.monotonic() - begun > START_SECONDS:
                raise RuntimeError(f"the server did not start within {START_SECONDS} s: {' '.join(command)}")
            time.sleep(0.05)
        client(f"127.0.0.1:{port}", allow_bucket_creation=True).create_dir(bucket)
        yield port
    finally:
        process.kill()
        process.wait()


def client(endpoint: str, **options: Any) -> pyarrow.fs.S3FileSystem:
    """Return a client of a server, or of a proxy before it, at HOST:PORT."""
    return pyarrow.fs.S3FileSystem(
        endpoint_override=endpoint,
        scheme="http",
        region=KEYS["AWS_DEFAULT_REGION"],
        access_key=KEYS["AWS_ACCESS_KEY_ID"],
        secret_key=KEYS["AWS_SECRET_ACCESS_KEY"],
        **options,
    )


def _listens(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    except OSError:
        return False
    return True
