"""What tasks ask of nodes, and that a node that is not as the driver meant it says so before it works."""

import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import ModuleType

import pytest

from corpusforge.engine import node, waiting
from corpusforge.engine.memory import BASE_BYTES, TIMES
from corpusforge.engine.needs import STEP_BYTES, NeedsOf, fits
from corpusforge.engine.node import Base, base_of, check_node, missing_here
from corpusforge.engine.own_code import own_code
from corpusforge.engine.plan import Plan, plan
from corpusforge.engine.units import EmitUnit, SegmentUnit, Unit
from corpusforge.errors import RunError
from corpusforge.pipeline import Pipeline
from corpusforge.stage import Stage
from corpusforge.stages.dedup.exact import Exact
from corpusforge.stages.dedup.minhash import Minhash
from corpusforge.stages.normalize.unicode import Unicode
from corpusforge.stages.quality.rules import Rules

Make = Callable[..., Pipeline]
MB = 1 << 20


class Heavy(Stage):
    """Ask for a GPU."""

    resources = {"GPU": 0.5}
    memory_bytes = 1000 * MB


def units_of(planned: Plan) -> dict[str, Unit]:
    """Return a segment of the first block, and an emit of its corpus stage."""
    (source,) = planned.pipeline.sources
    (steps,) = planned.blocks[0].segments[source.name]
    corpus = planned.blocks[0].corpus
    assert corpus is not None
    segment = SegmentUnit.__new__(SegmentUnit)
    given = {"reader": source.reader, "resolve": None, "steps": steps, "masking": (), "emits": ((corpus, "same"),)}
    for name, value in given.items():
        object.__setattr__(segment, name, value)
    emit = EmitUnit.__new__(EmitUnit)
    object.__setattr__(emit, "step", corpus)
    return {"segment": segment, "emit": emit}


@pytest.fixture
def units(make: Make) -> dict[str, Unit]:
    return units_of(plan(make(Unicode(), Heavy(), Exact())))


def memory(stages: int, batch: int) -> float:
    return -(-(BASE_BYTES + stages + TIMES * batch) // STEP_BYTES) * STEP_BYTES


def test_the_memory_of_a_segment_is_that_of_all_its_stages_since_their_kernels_are_open_together(
    units: dict[str, Unit],
) -> None:
    needs = NeedsOf({}, 4 * MB).task([units["segment"]])
    stages = Unicode.memory_bytes + Heavy.memory_bytes + Exact.memory_bytes + 64 * MB  # and the reader's
    assert needs == {"CPU": 1.0, "GPU": 0.5, "memory": memory(stages, 4 * MB)}


def test_a_task_without_the_hungry_stage_does_not_ask_for_it(units: dict[str, Unit]) -> None:
    alone = NeedsOf({}, 4 * MB).task([units["emit"]])
    assert alone == {"CPU": 1.0, "memory": memory(Exact.memory_bytes, 4 * MB)}
    together = NeedsOf({}, 4 * MB).task([units["emit"], units["segment"]])
    assert together["GPU"] == 0.5


def test_what_a_recipe_asks_takes_the_place_of_what_a_stage_declares(units: dict[str, Unit]) -> None:
    given = {"dedup.exact": {"memory": 5000 * MB, "CPU": 3, "bigmem": 1}}
    needs = NeedsOf(given, 4 * MB).task([units["emit"]])
    assert needs == {"CPU": 3, "bigmem": 1, "memory": memory(5000 * MB, 4 * MB)}
    assert not fits(needs, {"CPU": 8, "memory": 10_000 * MB})
    assert fits(needs, {"CPU": 8, "memory": 10_000 * MB, "bigmem": 2, "GPU": 1})


# ------------------------------------------------------------------------------------------------- node


@pytest.fixture
def base(make: Make, tmp_path: Path) -> Base:
    (tmp_path / "marker").touch()
    return base_of(str(tmp_path / "marker"), plan(make(Unicode(), Heavy(), Exact())).steps)


def test_a_node_like_the_drivers_works(base: Base, units: dict[str, Unit]) -> None:
    check_node(base, list(units.values()))


def test_a_node_that_does_not_see_the_work_folder_says_which_and_where(
    base: Base, units: dict[str, Unit], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(node, "APPEARS_SECONDS", 0.1)
    monkeypatch.setattr(node.socket, "gethostname", lambda: "node7")
    (tmp_path / "marker").unlink()
    with pytest.raises(RunError, match=rf"node node7 does not see {tmp_path}.* on storage that all nodes mount"):
        check_node(base, list(units.values()))


def test_a_node_with_other_versions_or_other_code_is_refused(base: Base) -> None:
    with pytest.raises(RunError, match=r"numpy \S+ and not 0\.1: it would write other bytes"):
        check_node(replace(base, packages={**base.packages, "numpy": "0.1"}), [])
    with pytest.raises(RunError, match="another state of corpusforge itself"):
        check_node(replace(base, source="0"), [])


def test_a_node_whose_rule_pack_differs_is_refused(make: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pack = tmp_path / "pack.yaml"
    text = "about: x\nsource: x\nrules:\n  - {signal: word_count, min: 5}\n"
    pack.write_text(text)
    planned = plan(make(Rules(pack=str(pack)), Exact()))
    base = base_of("", planned.steps)
    segment = units_of(planned)["segment"]
    check_node(base, [segment])
    monkeypatch.setattr(node, "_agreed", set())  # another worker process
    pack.write_text(text.replace("5", "50"))
    with pytest.raises(RunError, match=rf"rules is not what it is for the driver on .*{pack}"):
        check_node(base, [segment])
    pack.unlink()
    with pytest.raises(RunError, match=rf"name '{pack}' in filters.* at the same path on all nodes"):
        check_node(base, [segment])


def test_relative_files_of_a_recipe_are_found_from_the_drivers_folder(
    base: Base, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir("/")
    check_node(replace(base, current=str(tmp_path)), [])
    assert Path.cwd() == tmp_path


def test_a_missing_input_names_the_node(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(node.socket, "gethostname", lambda: "node7")
    assert str(missing_here(FileNotFoundError(2, "no", "/in/a.gz"))).startswith("node node7: /in/a.gz is not there")


# --------------------------------------------------------------------------------------------- own code


def test_code_that_is_installed_nowhere_is_sent_and_other_code_is_not(
    make: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    single, package, installed = ModuleType("alone"), ModuleType("acme"), ModuleType("plugin")
    single.__file__ = str(tmp_path / "alone.py")
    package.__path__ = [str(tmp_path / "acme")]
    installed.__path__ = [str(Path(pytest.__file__).parent)]
    stages = []
    for module, inside in ((single, "alone"), (package, "acme.filters"), (installed, "plugin.stages")):
        monkeypatch.setitem(sys.modules, module.__name__, module)
        stages.append(type("Own", (Stage,), {"__module__": inside, "__doc__": "Own."})())
    planned = plan(make(*stages, Minhash()))
    assert own_code(planned) == [str(tmp_path / "alone.py"), str(tmp_path / "acme")]


# ---------------------------------------------------------------------------------------------- waiting


class Clock:
    """A clock that stands until it is set."""

    now = 1000.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(waiting, "time", clock)
    return clock


TASK = {"CPU": 1.0, "memory": 2 << 30}


def test_a_wait_for_a_node_is_said_once_and_ends_in_an_error(clock: Clock) -> None:
    said: list[str] = []
    watch = waiting.Waiting(60, said.append)
    for clock.now in (1010, 1050):
        watch.look([TASK, TASK], [{"CPU": 8, "memory": 1 << 30}], lambda: 8)
    assert said == [
        "no node of the cluster can hold a task: it needs 1 CPU, 2.0 GB of memory; the largest of 1 has 8 CPU, 1.0 GB "
        "of memory. Waiting for one, at most 60 s"
    ]
    clock.now = 1061
    with pytest.raises(RunError, match=r"none came in 60 s .* run the same command again"):
        watch.look([TASK], [], lambda: 0)


def test_a_node_that_comes_ends_the_wait(clock: Clock) -> None:
    said: list[str] = []
    watch = waiting.Waiting(60, said.append)
    for clock.now, nodes in ((1050, []), (1055, [{"CPU": 1, "memory": 4 << 30}]), (1100, [])):
        watch.look([TASK], nodes, lambda: 0)
    assert len(said) == 1 and "there is no node with CPUs now" in said[0]
    clock.now = 1105
    watch.ended()
    clock.now = 1160
    watch.look([TASK], [], lambda: 0)
    assert len(said) == 2


def test_tasks_that_run_for_long_are_spoken_of_ever_less_often(clock: Clock) -> None:
    said: list[str] = []
    watch = waiting.Waiting(60, said.append)
    for clock.now in range(1000, 2000, 10):
        watch.look([TASK], [{"CPU": 4, "memory": 4 << 30}], lambda: 3)
    assert len(said) == 4  # after 120, 240, 480 and 960 seconds
    assert said[0] == "1 tasks run or wait, and none has ended for 130 s; of 4 CPUs 3 are free"
