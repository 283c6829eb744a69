"""A proxy before an S3-compatible server that answers as a store under load or a bad network does.

What happens to a request follows from the seed, its method and path, and how often they came: not from the order in
which requests of several processes arrive.
"""

import random
import threading
import time
from collections import Counter
from http.client import HTTPConnection, HTTPResponse
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, NamedTuple

ANSWERED = {
    "internal error": (500, "InternalError", "We encountered an internal error. Please try again."),
    "slow down": (503, "SlowDown", "Please reduce your request rate."),
}
FATES = (
    *ANSWERED,
    "refused",  # the connection is closed before the store hears of the request
    "answer lost",  # the store has done it, and the client does not get to know
    "cut",  # the connection is closed in the middle of the answer's body
    "delayed",
)
HOP_BY_HOP = {"connection", "keep-alive", "transfer-encoding", "content-length"}


class Answer(NamedTuple):
    """What the store said."""

    status: int
    reason: str
    headers: list[tuple[str, str]]
    body: bytes


class Proxy:
    """Listens on `endpoint` and forwards to `host`:`port`; something happens to a share `rate` of the requests."""

    def __init__(self, host: str, port: int, seed: int, rate: float = 0.0, most_delay_seconds: float = 0.5) -> None:
        self.store = host, port
        self.seed = seed
        self.rate = rate
        self.most_delay_seconds = most_delay_seconds
        self.happened: Counter[str] = Counter()  # by fate
        self.requests = 0
        self._coming: list[str] = []  # fates of the next requests, whatever they are
        self._came: Counter[tuple[str, str]] = Counter()
        self._lock = threading.Lock()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    @property
    def endpoint(self) -> str:
        """HOST:PORT for `endpoint_override`."""
        return f"127.0.0.1:{self._server.server_address[1]}"

    def strike(self, draw: random.Random, requests: int) -> None:
        """Let something happen to each of the next `requests`: an outage."""
        with self._lock:
            self._coming += [draw.choice(FATES) for _ in range(requests)]

    def fate(self, method: str, path: str) -> tuple[str, random.Random]:
        """Return what happens to a request now, "" for nothing, and what decides its details."""
        with self._lock:
            self.requests += 1
            self._came[method, path] += 1
            draw = random.Random(f"{self.seed} {method} {path} {self._came[method, path]}")
            fate = draw.choice(FATES) if draw.random() < self.rate else ""
            if self._coming:
                fate = self._coming.pop(0)
            if fate:
                self.happened[fate] += 1
            return fate, draw

    def close(self) -> None:
        """Stop listening."""
        self._server.shutdown()
        self._server.server_close()


def _handler(proxy: Proxy) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def handle_one_request(self) -> None:
            try:
                super().handle_one_request()
            except (ConnectionError, TimeoutError):  # the client went away
                self.close_connection = True

        def answer(self) -> None:
            body = self.body()
            fate, draw = proxy.fate(self.command, self.path)
            if fate == "refused":
                self.close_connection = True
            elif fate in ANSWERED:
                self.tell(_error(*ANSWERED[fate]))
            else:
                if fate == "delayed":
                    time.sleep(draw.uniform(0, proxy.most_delay_seconds))
                answer = _forwarded(proxy.store, self.command, self.path, list(self.headers.items()), body)
                if fate == "answer lost":
                    self.close_connection = True
                else:
                    self.tell(answer, draw.random() if fate == "cut" else 1.0)

        do_GET = do_PUT = do_POST = do_DELETE = do_HEAD = answer

        def body(self) -> bytes:
            if self.headers.get("Transfer-Encoding", "").lower() != "chunked":
                return self.rfile.read(int(self.headers.get("Content-Length") or 0))
            pieces: list[bytes] = []
            while size := int(self.rfile.readline().split(b";")[0], 16):
                pieces.append(self.rfile.read(size))
                self.rfile.readline()
            while self.rfile.readline().strip():
                pass
            return b"".join(pieces)

        def tell(self, answer: Answer, share: float = 1.0) -> None:
            self.send_response_only(answer.status, answer.reason)
            for name, value in answer.headers:
                self.send_header(name, value)
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(answer.body[: int(share * len(answer.body))])
            self.wfile.flush()
            if share < 1:
                self.close_connection = True

        def log_message(self, *_: Any) -> None:
            pass

    return Handler


def _error(status: int, code: str, message: str) -> Answer:
    body = f'<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>{code}</Code><Message>{message}</Message></Error>'
    headers = [("Content-Type", "application/xml"), ("Content-Length", str(len(body)))]
    return Answer(status, code, headers, body.encode())


def _forwarded(store: tuple[str, int], method: str, path: str, headers: list[tuple[str, str]], body: bytes) -> Answer:
    connection = HTTPConnection(*store, timeout=60)
    try:
        connection.putrequest(method, path, skip_host=True, skip_accept_encoding=True)
        for name, value in headers:
            if name.lower() not in HOP_BY_HOP | {"expect"}:
                connection.putheader(name, value)
        connection.putheader("Content-Length", str(len(body)))
        connection.endheaders(body)
        return _whole(connection.getresponse(), method)
    finally:
        connection.close()


def _whole(response: HTTPResponse, method: str) -> Answer:
    body = response.read()
    length = response.getheader("Content-Length") if method == "HEAD" else None
    headers = [(name, value) for name, value in response.getheaders() if name.lower() not in HOP_BY_HOP]
    headers.append(("Content-Length", length or str(len(body))))
    return Answer(response.status, response.reason, headers, body)
