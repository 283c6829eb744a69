"""A parser that ends its process costs one page and nothing else."""

import os
import signal
import subprocess
import sys
from collections import OrderedDict
from pathlib import Path

import pytest

import corpusforge
from corpusforge.engine import segment
from corpusforge.errors import InputError
from corpusforge.stage import cpu_seconds
from corpusforge.stages.extract import page_process
from corpusforge.stages.extract.main_text import Options
from corpusforge.stages.extract.page_process import PageProcess

TEXT = "The quick brown fox jumps over the lazy dog, and so on. " * 9
# As `serve`, with a parser that dies of some pages as one does that is written in C.
DEADLY = """
import ctypes
from corpusforge.stages.extract import page_process
honest = page_process.open_engine
def deadly(options):
    extract = honest(options)
    return lambda page, url: ctypes.string_at(0) if b"DEADLY" in page else extract(page, url)
page_process.open_engine = deadly
page_process.serve()
"""


@pytest.fixture
def deadly(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the process of pages die of every page that says DEADLY."""

    def start() -> subprocess.Popen[bytes]:
        env = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
        return subprocess.Popen(
            [sys.executable, "-c", DEADLY],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=env,
        )

    monkeypatch.setattr(page_process, "_start", start)
    monkeypatch.setattr(segment, "_opened", OrderedDict())  # kernels of earlier tests hold a process that lives
    page_process.page_process.cache_clear()
    yield
    page_process.page_process().close()
    page_process.page_process.cache_clear()


def test_a_page_that_ends_the_process_is_an_input_error_and_the_next_page_is_read(deadly: None) -> None:
    process = PageProcess()
    for _ in range(2):  # the second time from memory
        with pytest.raises(InputError, match=r"corpusforge ended its process on this page \(signal 11\)"):
            process.extract(b"<p>DEADLY", None, Options())
    assert process.extract(f"<p>{TEXT}".encode(), None, Options()).text == TEXT.strip()
    process.close()


def record(body: bytes, number: int) -> bytes:
    payload = b"HTTP/1.1 200 OK\r\nContent-Type: text/html; charset=utf-8\r\n\r\n" + body
    head = (
        f"WARC/1.0\r\nWARC-Type: response\r\nWARC-Target-URI: https://example.org/{number}\r\n"
        f"Content-Type: application/http; msgtype=response\r\nContent-Length: {len(payload)}\r\n\r\n"
    )
    return head.encode() + payload + b"\r\n\r\n"


def test_a_run_loses_one_page_to_quarantine(deadly: None, tmp_path: Path) -> None:
    bodies = [f"<p>{TEXT} {n}".encode() for n in range(9)]
    bodies[4] = b"<p>DEADLY"
    (tmp_path / "pages.warc").write_bytes(b"".join(record(body, n) for n, body in enumerate(bodies)))
    (tmp_path / "recipe.yaml").write_text(
        f"""
corpusforge: 1
sources:
  web:
    read.warc: {{paths: "{tmp_path}/pages.warc"}}
    stages: [extract.html]
write.parquet: {{path: "{tmp_path}/out"}}
run: {{workers: 1, max_error_fraction: 0.2}}
"""
    )
    result = corpusforge.load(str(tmp_path / "recipe.yaml")).run()
    assert result.manifest["documents"] == {"read": 9, "kept": 8, "rejected": 0, "quarantined": 1}


def test_the_time_of_the_other_process_is_counted() -> None:
    process = PageProcess()
    process.extract(b"<p>x", None, Options())
    before = cpu_seconds()
    process.extract(f"<p>{TEXT}".encode() * 3000, None, Options())
    assert cpu_seconds() - before > 0.02
    process.close()


def test_the_process_ends_with_its_parent() -> None:
    code = (
        "from corpusforge.stages.extract.page_process import page_process\n"
        "from corpusforge.stages.extract.main_text import Options\n"
        "page_process().extract(b'<p>x', None, Options())\n"
        "print(page_process()._process.pid, flush=True)\n"
        "import os; os._exit(0)"
    )
    child = int(subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, timeout=60).stdout)
    for _ in range(200):
        try:
            os.kill(child, 0)
        except ProcessLookupError:
            return
        with open(f"/proc/{child}/stat") as stat:
            if stat.read().split(")")[1].split()[0] == "Z":
                return
        signal.sigtimedwait([], 0.05)
    pytest.fail("the process of pages still runs")
