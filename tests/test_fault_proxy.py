"""The proxy of the fault kit: what it does to an S3 client, and that a seed decides it."""

import random
from collections.abc import Iterator

import pyarrow.fs
import pytest

from tests.fault_kit.proxy import FATES, Proxy
from tests.fault_kit.store import client, store

BUCKET = "faults"
TRIES = 12


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    with store(BUCKET) as listening:
        yield listening


ONE_TRY = pyarrow.fs.AwsStandardS3RetryStrategy(max_attempts=1)


def test_what_a_client_writes_again_until_it_is_told_of_success_is_what_the_store_has(port: int) -> None:
    proxy = Proxy("127.0.0.1", port, seed=3, rate=0.4, most_delay_seconds=0.05)
    shaky, steady = client(proxy.endpoint, retry_strategy=ONE_TRY), client(f"127.0.0.1:{port}")
    content = {f"{BUCKET}/{number}": random.Random(number).randbytes(50_000) for number in range(15)}
    failures = 0
    for path, data in content.items():
        for _ in range(TRIES):
            try:
                with shaky.open_output_stream(path) as file:
                    file.write(data)
                with shaky.open_input_file(path) as file:
                    assert file.read() == data
                break
            except OSError:
                failures += 1
    assert set(proxy.happened) == set(FATES)
    assert failures > 0
    for path, data in content.items():
        with steady.open_input_file(path) as file:
            assert file.read() == data
    proxy.close()


def test_an_outage_hits_the_next_requests_and_ends(port: int) -> None:
    proxy = Proxy("127.0.0.1", port, seed=0)
    shaky = client(proxy.endpoint, retry_strategy=ONE_TRY)
    with shaky.open_output_stream(f"{BUCKET}/one") as file:
        file.write(b"one")
    assert not proxy.happened
    proxy.strike(random.Random(1), 30)
    failed = 0
    while proxy.happened.total() < 30:
        try:
            shaky.get_file_info(f"{BUCKET}/one")
        except OSError:
            failed += 1
    assert failed > 3
    assert shaky.get_file_info(f"{BUCKET}/one").size == 3
    proxy.close()


def test_a_seed_decides_what_happens_to_a_request_whatever_comes_before_it() -> None:
    requests = [("GET", f"/bucket/{number}") for number in range(50)] * 2
    fates: list[dict[object, str]] = []
    for seed, order in ((1, 1), (1, 2), (2, 1)):
        proxy = Proxy("127.0.0.1", 1, seed, rate=0.5)
        mixed = random.Random(order).sample(requests, len(requests))
        seen: dict[object, str] = {}
        for method, path in mixed:
            seen[path, (path, 1) in seen] = proxy.fate(method, path)[0]
            seen[path, 1] = ""
        fates.append(seen)
        proxy.close()
    assert fates[0] == fates[1] != fates[2]
