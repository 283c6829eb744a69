"""Small files are read together, and nothing that is written shows it."""

from collections.abc import Callable
from pathlib import Path

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from corpusforge.engine import bundles as bundling
from corpusforge.engine import inputs
from corpusforge.engine.bundles import bundles
from corpusforge.engine.plan import plan
from corpusforge.engine.verify import verify
from corpusforge.pipeline import Pipeline
from corpusforge.source import Split
from corpusforge.stages.dedup.exact import Exact
from corpusforge.stages.dedup.minhash import Minhash
from tests.engine.test_resume import ledger_units

SPLIT_BYTES = 64 << 20


def small(identity: int, size: int = 100) -> list[Split]:
    return [Split("s", f"/{identity}", str(identity), 0, size, size, identity, size)]


@given(st.lists(st.integers(0, 2**64 - 1), unique=True, max_size=60), st.integers(0, 60), st.integers(0, 2**64 - 1))
def test_an_added_file_changes_the_bundle_it_falls_into_and_no_other(ids: list[int], at: int, new: int) -> None:
    ids = [i for i in ids if i != new]
    at = min(at, len(ids))
    before = list(bundles(map(small, ids), SPLIT_BYTES))
    after = list(bundles(map(small, [*ids[:at], new, *ids[at:]]), SPLIT_BYTES))
    assert [s.id for bundle in before for s in bundle.splits] == ids
    assert len(set(before) - set(after)) <= 1
    assert sum(len(bundle.splits) for bundle in after) == len(ids) + 1


def test_a_bundle_ends_when_it_is_full_and_large_files_are_alone() -> None:
    files = [*(small(2 * n + 1, 1 << 20) for n in range(9)), small(99, (1 << 20) + 1), small(101)]
    assert [len(bundle.splits) for bundle in bundles(files, SPLIT_BYTES)] == [4, 4, 1, 1, 1]


@pytest.fixture
def tiny(tmp_path: Path) -> Path:
    folder = tmp_path / "tiny"
    folder.mkdir()
    for number in range(30):
        rows = [{"text": f"These are words of the text with number {(number * 7 + row) % 50}."} for row in range(4)]
        lines = b"".join(orjson.dumps(row) + b"\n" for row in rows)
        (folder / f"{number:02d}.jsonl").write_bytes(lines + (b"broken\n" if number % 5 == 0 else b""))
    return folder


def test_files_read_together_and_alone_give_the_same_bytes(
    make: Callable[..., Pipeline], tiny: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def run(output: str) -> tuple[dict[str, object], int]:
        stages = Exact(max_source_loss=1.0), Minhash(max_source_loss=1.0)
        made = make(*stages, output=output, paths=f"{tiny}/*", split_bytes=SPLIT_BYTES, keep_work=True).run()
        assert verify(made.path, inputs=tiny) == []
        reading = [unit for unit in ledger_units(made.path / ".work") if "inputs" in unit]
        return made.manifest, len(reading)

    together, units = run("together")
    monkeypatch.setattr(bundling, "MEAN_FILES", 1)
    alone, most = run("alone")
    assert units < 5 and most == 30
    assert together["content_checksum"] == alone["content_checksum"]
    assert [i["splits"] for i in together["inputs"]] == [i["splits"] for i in alone["inputs"]]  # type: ignore[attr-defined]


def test_planning_opens_no_file_that_is_one_split_anyway(
    make: Callable[..., Pipeline], tiny: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[str] = []
    real = inputs.open_input
    monkeypatch.setattr(inputs, "open_input", lambda path: opened.append(path) or real(path))
    assert len(plan(make(paths=f"{tiny}/*", split_bytes=SPLIT_BYTES)).splits) == 30
    assert opened == []
    assert len(plan(make(paths=f"{tiny}/*", split_bytes=200)).splits) > 30
    assert sorted(opened) == sorted(str(path) for path in tiny.iterdir())


def test_inputs_of_several_splits_are_verified_by_what_each_read(
    make: Callable[..., Pipeline], tiny: Path, tmp_path: Path
) -> None:
    output = make(Exact(max_source_loss=1.0), paths=f"{tiny}/*", split_bytes=100).run().path
    assert verify(output, inputs=tiny) == []
    path = tiny / "07.jsonl"
    path.write_bytes(path.read_bytes().replace(b"These", b"Those"))
    assert set(verify(output, inputs=tiny)) == {"input 07.jsonl: differs from what was read"}
