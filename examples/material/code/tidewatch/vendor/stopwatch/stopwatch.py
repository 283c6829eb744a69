"""Measure how long a block of code takes."""

import time


class Stopwatch:
    """A context manager: `with Stopwatch() as watch: ...`, then `watch.seconds`."""

    def __init__(self):
        self.seconds = 0.0
        self._begun = None

    def __enter__(self):
        self._begun = time.perf_counter()
        return self

    def __exit__(self, *exc):
        self.seconds += time.perf_counter() - self._begun
        self._begun = None
        return False
