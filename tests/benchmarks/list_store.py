"""Measure how long a source of many objects in an S3-compatible store takes to be listed.

    python tests/benchmarks/list_store.py --objects 100000

The server runs in this process and is given the objects directly; its own time is part of what is printed.
"""

import argparse
import resource
import time

import pytest
from moto.s3.models import s3_backends

from corpusforge.engine.inputs import find_inputs
from corpusforge.pipeline import Source
from corpusforge.stages.read.jsonl import Jsonl
from tests.engine.object_store import BUCKET, served


def main() -> None:
    """Fill a bucket, list it, and print what it took."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--objects", type=int, default=100_000)
    objects = parser.parse_args().objects
    with pytest.MonkeyPatch.context() as monkeypatch, served(monkeypatch) as uri:
        (account,) = s3_backends
        backend = s3_backends[account]["aws"]
        for number in range(objects):
            backend.put_object(BUCKET, f"crawl/{number // 1000:04d}/{number:07d}.jsonl.gz", b"x")
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        wall, cpu = time.perf_counter(), time.process_time()
        files = find_inputs(Source("web", "read.jsonl", Jsonl(paths=(f"{uri}/crawl/**/*.jsonl.gz",))))
        wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
        grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
        assert len(files) == objects
        print(f"{objects:,} objects listed in {wall:.1f} s ({cpu:.1f} CPU s with the server), {grown >> 10} MB more")


if __name__ == "__main__":
    main()
