"""Pages are parsed in a process of their own: a parser that ends its process costs one page and nothing else.

One process serves all stages of a worker. A request is three lengths and options, URL and page; the answer a length and
JSON. Its CPU time and memory are added to those of the worker (corpusforge.stage.spent_elsewhere).
"""

import os
import resource
import signal
import struct
import subprocess
import sys
import time
from functools import cache
from typing import Any, BinaryIO

import orjson
import xxhash

from corpusforge.errors import InputError
from corpusforge.stage import spent_elsewhere
from corpusforge.stages.extract.main_text import Extract, MainText, Options, PageFacts, open_engine

_REQUEST, _ANSWER = struct.Struct("<III"), struct.Struct("<IdQ")


class PageProcess:
    """The process that parses pages; started when the first page comes, and again after one has ended it."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None
        self._deadly: dict[int, str] = {}  # pages that ended it: the engine asks again for parts of a failed batch

    def extract(self, page: bytes, url: str | None, options: Options) -> MainText:
        """Like the function that `open_engine` returns; a page that ends the process is an InputError."""
        told, address = orjson.dumps(list(options)), (url or "").encode("utf-8", "replace")
        key = xxhash.xxh3_64_intdigest(page)
        if key in self._deadly:
            raise InputError(self._deadly[key])
        if self._process is None:
            self._process = _start()
        to, back = self._process.stdin, self._process.stdout
        assert to is not None
        assert back is not None
        try:
            to.write(_REQUEST.pack(len(told), len(address), len(page)) + told + address)
            to.write(page)
            to.flush()
            size, seconds, peak = _ANSWER.unpack(_exactly(back, _ANSWER.size))
            answer = orjson.loads(_exactly(back, size))
        except (BrokenPipeError, EOFError):
            code = self._process.wait()
            self._process = None
            how = f"signal {-code}" if code < 0 else f"exit code {code}"
            self._deadly[key] = f"{options.engine} ended its process on this page ({how})"
            raise InputError(self._deadly[key]) from None
        spent_elsewhere(seconds, peak)
        if isinstance(answer, str):
            raise InputError(answer)
        return MainText(**{**answer, "facts": PageFacts(**answer["facts"])})

    def close(self) -> None:
        """End the process, and with it its memory."""
        if self._process is not None:
            self._process.communicate()
            self._process = None


@cache
def page_process() -> PageProcess:
    """Return the one of this process."""
    return PageProcess()


def _start() -> subprocess.Popen[bytes]:
    # It ends with its parent: reading from a closed pipe is the end of its work.
    return subprocess.Popen(
        [sys.executable, "-c", f"from {__name__} import serve; serve()"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
    )


def _exactly(stream: Any, size: int) -> bytes:
    data: bytes = stream.read(size)
    if len(data) < size:
        raise EOFError
    return data


def serve() -> None:
    """Answer requests until there are no more."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the whole group; this one ends with its parent
    # Libraries may write to standard output; what is left of it for them is standard error.
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    engines: dict[bytes, Extract] = {}
    requests: BinaryIO = sys.stdin.buffer
    while head := requests.read(_REQUEST.size):
        options, url, page = (_exactly(requests, size) for size in _REQUEST.unpack(head))
        begun = time.process_time()
        if options not in engines:
            engines[options] = open_engine(Options(*orjson.loads(options)))
        try:
            found = engines[options](page, url.decode() or None)
            answer = orjson.dumps({**found._asdict(), "facts": found.facts._asdict()})
        except InputError as error:
            answer = orjson.dumps(str(error))
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
        answers.write(_ANSWER.pack(len(answer), time.process_time() - begun, peak) + answer)
        answers.flush()
