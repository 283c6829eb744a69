"""Runs of the command line under faults, and how they end."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import orjson
import psutil

from corpusforge.engine.storage import StoredPath, below, files_below
from corpusforge.engine.verify import verify

from .disk import make_room
from .nodes import Nodes
from .plan import Fault, Plan
from .proxy import Proxy
from .strikes import Strikes, name_of

PLACE = "CORPUSFORGE_TEST_FAULTS"  # in the environment of every process that a run starts: its folder
POLL_SECONDS = 0.003
MOST_STARTS = 30
HUNG_SECONDS = 300
ORPHAN_SECONDS = 30  # Ray's processes end by themselves when their driver was killed


@dataclass
class Case:
    """A recipe that has `vars` input, output and plan, and where one run of it happens."""

    recipe: Path
    folder: Path  # logs, temporary files
    output: StoredPath
    settings: tuple[str, ...] = ()  # NAME=VALUE of --set
    disk: Path | None = None  # what "fill the disk" fills: the mount on which `output` is
    nodes: Nodes | None = None  # a cluster, or Ray on this machine as the recipe says
    roots: tuple[Path, ...] = ()  # inputs, below which storage errors strike too
    proxy: Proxy | None = None  # between the run and its object store

    def __post_init__(self) -> None:
        (self.folder / "tmp").mkdir(parents=True)

    @property
    def log(self) -> Path:
        """What all starts of the command said."""
        return self.folder / "log"

    def start(self, plan: Plan | None = None, replace: bool = False) -> "subprocess.Popen[bytes]":
        """Start the command line; with `replace` it may take the place of what another recipe or engine finished."""
        tests = str(Path(__file__).parents[1])
        environment = {
            **os.environ,
            "PYTHONPATH": os.pathsep.join(filter(None, [tests, os.environ.get("PYTHONPATH")])),
            "TMPDIR": str(self.folder / "tmp"),
            PLACE: str(self.folder),
        }
        environment.setdefault("RAY_TMPDIR", "/tmp/ray")  # sockets of Ray must have short names
        if self.proxy:
            environment["AWS_ENDPOINT_URL"] = f"http://{self.proxy.endpoint}"
        settings = [f"vars.output={self.output}", f"vars.plan={plan.folder if plan else 'none'}", *self.settings]
        command = ["run", str(self.recipe), *(word for one in settings for word in ("--set", one))]
        if replace:
            command.append("--replace")
        if self.nodes:
            command += ["--address", self.nodes.address, "--set", "run.workers=auto"]
        code = "fault_kit.driver", str(plan.folder) if plan else ""
        module = ["-m", *code] if plan else ["-c", "from corpusforge.cli import main; main()"]
        with open(self.log, "ab") as log:
            return subprocess.Popen([sys.executable, *module, *command], env=environment, stdout=log, stderr=log)


@dataclass
class Undisturbed:
    """What a run without faults came to."""

    units: int
    checksum: str
    counts: object
    files: list[str]

    @classmethod
    def run(cls, case: Case) -> "Undisturbed":
        """Run it, or find it done."""
        if case.start(replace=True).wait() != 0:
            raise AssertionError(f"the undisturbed run failed: {case.log.read_text()[-2000:]}")
        made = _manifest(case.output)
        return cls(made["run"]["units"], made["content_checksum"], _counts(made), _files(case.output))


@dataclass
class Ended:
    """How a disturbed run ended: `problems` is empty when it ended as the undisturbed one did."""

    happened: list[Fault] = field(default_factory=list)
    starts: int = 0
    problems: list[str] = field(default_factory=list)


def run_with(faults: Sequence[Fault], case: Case, undisturbed: Undisturbed) -> Ended:
    """Run a case under `faults`, with the same command again whenever the driver ended, until it is done."""
    plan = Plan(case.folder / "plan")
    plan.write(faults, undisturbed.units, (*case.roots, case.output))
    strikes = Strikes(plan, case.output / ".work", case.disk, case.nodes, case.proxy)
    ended = Ended()
    code = -1
    while code != 0 and not ended.problems:
        said = case.log.stat().st_size if case.log.exists() else 0
        strikes.ended_by = []
        ended.starts += 1
        code = _watch(case.start(plan), plan, strikes)
        words = case.log.read_bytes()[said:].decode(errors="replace")
        full = [fault for fault in strikes.ended_by if fault.kind == "fill the disk"]
        if case.disk and make_room(case.disk) and code and "MB left. What is finished stays" in words:
            plan.first_time(full[0])
        if code is None:
            ended.problems.append(f"hung for {HUNG_SECONDS} s")
        elif code and not strikes.ended_by:
            ended.problems.append(f"ended by itself with {code}: {words.strip()[-500:]}")
        elif ended.starts == MOST_STARTS:
            ended.problems.append(f"not done after {MOST_STARTS} starts")
        if code:
            ended.problems += _orphans(case)
    ended.happened = plan.happened()
    if not ended.problems:
        ended.problems = _differences(case, undisturbed) + _orphans(case)
    return ended


def _watch(process: "subprocess.Popen[bytes]", plan: Plan, strikes: Strikes) -> int | None:
    """Strike whenever the driver waits for it; return its exit code, None when it hung and was killed."""
    begun = time.monotonic()
    while process.poll() is None:
        time.sleep(POLL_SECONDS)
        if plan.now.exists():
            told = orjson.loads(plan.now.read_bytes())
            strikes.strike(Fault(*told["fault"]), process, told["files"])
        if time.monotonic() - begun > HUNG_SECONDS:
            process.send_signal(signal.SIGABRT)
            process.kill()
            process.wait()
            return None
    plan.now.unlink(missing_ok=True)
    return int(process.returncode)


def _differences(case: Case, undisturbed: Undisturbed) -> list[str]:
    made = _manifest(case.output)
    problems = verify(case.output)
    if made["content_checksum"] != undisturbed.checksum:
        problems.append(f"content_checksum {made['content_checksum']}, not {undisturbed.checksum}")
    if _counts(made) != undisturbed.counts:
        problems.append(f"counts {_counts(made)}, not {undisturbed.counts}")
    if files := sorted(set(_files(case.output)) ^ set(undisturbed.files)):
        problems.append(f"other files than without faults: {files}")
    if left := sorted(map(str, files_below(case.folder / "tmp"))):
        problems.append(f"left behind in TMPDIR: {left}")
    return problems


def _orphans(case: Case) -> list[str]:
    """Wait for the processes of a run to end; return those that do not, and end them."""
    begun = time.monotonic()
    while (there := _processes(case)) and time.monotonic() - begun < ORPHAN_SECONDS:
        time.sleep(0.1)
    for one in there:
        with suppress(psutil.NoSuchProcess):
            one.kill()
    return [f"still there after {ORPHAN_SECONDS} s: {sorted(map(name_of, there))}"] if there else []


def _processes(case: Case) -> list[psutil.Process]:
    found = []
    for one in psutil.process_iter():
        with suppress(psutil.Error):
            if one.environ().get(PLACE) == str(case.folder) and one.status() != psutil.STATUS_ZOMBIE:
                found.append(one)
    nodes = case.nodes.processes() if case.nodes else []
    return found + [one for one in nodes if name_of(one).startswith("ray::work")]


def _manifest(output: StoredPath) -> dict[str, object]:
    made: dict[str, object] = orjson.loads((output / "manifest.json").read_bytes())
    return made


def _counts(made: dict[str, object]) -> object:
    stages = [(s["name"], s["read"], s["kept"], s["rejected"], s["quarantined"]) for s in made["stages"]]  # type: ignore[attr-defined]
    return made["documents"], made["written"], stages


def _files(output: StoredPath) -> list[str]:
    return sorted(below(path, output) for path in files_below(output))
