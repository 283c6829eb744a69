"""Fixtures shared by all tests."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import settings

SHARED = Path(__file__).resolve().parents[2] / "shared" / "data"

settings.register_profile("no-deadline", settings(), deadline=None)  # the first call of a kernel may compile it
settings.load_profile("no-deadline")


@pytest.fixture(scope="session")
def shared() -> Callable[[str], Path]:
    """Return a function from a path inside the real development data to its place, or skip the test."""

    def find(path: str) -> Path:
        if not (SHARED / path).exists():
            pytest.skip(f"needs the development data: {path}")
        return SHARED / path

    return find


@pytest.fixture(scope="session")
def ray_session() -> Iterator[None]:
    """One Ray of two workers for every test of the process."""
    import ray

    ray.init("local", num_cpus=2, include_dashboard=False, object_store_memory=200 << 20, log_to_driver=False)
    yield
    ray.shutdown()
