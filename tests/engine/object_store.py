"""An S3-compatible server for tests, and the requests it got."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager

import pyarrow.fs
import pytest
from moto.server import ThreadedMotoServer

SECRET = "a-secret-that-appears-nowhere"
BUCKET = "corpora"


@contextmanager
def served(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """Yield the URI of an empty bucket; endpoint and credentials stand in the environment, as users have them."""
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    for name, value in {
        "AWS_ACCESS_KEY_ID": "tester",
        "AWS_SECRET_ACCESS_KEY": SECRET,
        "AWS_REGION": "us-east-1",
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_ENDPOINT_URL": f"http://{host}:{port}",
    }.items():
        monkeypatch.setenv(name, value)
    try:
        filesystem, _ = pyarrow.fs.FileSystem.from_uri(f"s3://{BUCKET}?allow_bucket_creation=true")
        filesystem.create_dir(BUCKET)
        yield f"s3://{BUCKET}"
    finally:
        server.stop()


def objects(uri: str) -> list[str]:
    """Return the names of all objects below a URI."""
    filesystem, inner = pyarrow.fs.FileSystem.from_uri(uri)
    selector = pyarrow.fs.FileSelector(inner, recursive=True, allow_not_found=True)
    return sorted(info.path.removeprefix(f"{inner}/") for info in filesystem.get_file_info(selector) if info.is_file)
