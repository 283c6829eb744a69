"""`ray job submit` on a cluster of two machines that have Ray and the wheel's dependencies, but not corpusforge.

    python -m venv ENV && ENV/bin/pip install 'ray[default]' WHEEL && ENV/bin/pip uninstall -y corpusforge
    ENV/bin/python tests/benchmarks/submit_job.py WHEEL

As root, with ENV outside /tmp. Runs one recipe, whose stage is a file beside it, in three ways: a job with the wheel
installed by its runtime environment, offline; a job with the package unpacked and sent as a module; and `run --address
--runtime-env` on a machine that alone has the stage's file. All, and a run in one process, must give one content
checksum; both machines must have worked.
"""

import argparse
import json
import os
import random
import subprocess
import sys
import tempfile
import time
import zipfile
from pathlib import Path

from node_namespaces import BIN, Machines, available

STAGE = '''
import pyarrow as pa
import pyarrow.compute as pc
from corpusforge.stage import Kernel, Stage, with_columns


class Shouting(Stage):
    """Write texts in capitals."""

    def open(self) -> Kernel:
        return lambda batch: with_columns(batch, text=pc.utf8_upper(batch["text"]))
'''
RECIPE = """
corpusforge: 1
vars: {{output: out}}
sources:
  words: {{read.jsonl: {{paths: "{folder}/input/*.jsonl"}}}}
stages:
  - shouting:Shouting
  - dedup.exact
write.parquet: {{path: "${{output}}"}}
run: {{split_bytes: 100kB, keep_work: true}}
"""


def prepare(folder: Path, wheel: Path) -> Path:
    """Write the input, and what is submitted: recipe, stage, wheel; return the folder of the latter."""
    job = folder / "job"
    job.mkdir()
    (folder / "input").mkdir()
    draw = random.Random(5)
    for part in range(8):
        texts = (" ".join(draw.choices(["stone", "river", "lamp", "door", "cloud"], k=200)) for _ in range(400))
        lines = "\n".join(json.dumps({"text": text}) for text in texts)
        (folder / "input" / f"{part}.jsonl").write_text(lines + "\n")
    (job / "shouting.py").write_text(STAGE)
    (job / "recipe.yaml").write_text(RECIPE.format(folder=folder))
    (job / wheel.name).write_bytes(wheel.read_bytes())
    with zipfile.ZipFile(wheel) as package:
        package.extractall(folder / "unpacked")
    return job


def submit(machines: Machines, job: Path, runtime_env: dict[str, object], *entry: str) -> int:
    """Submit a job from the first machine and wait for it; return the exit code."""
    command = [*machines.inside(1), str(BIN / "ray"), "job", "submit", "--address", "http://127.0.0.1:8265"]
    command += ["--working-dir", str(job), "--runtime-env-json", json.dumps(runtime_env), "--", *entry]
    return subprocess.run(command, env=machines.environment, cwd=job).returncode


def run(machines: Machines, job: Path, package: Path, *arguments: str) -> int:
    """Run on the cluster from the first machine, with the stage in its own /tmp; return the exit code."""
    (job / "env.json").write_text(json.dumps({"py_modules": [str(package / "corpusforge")]}))  # JSON is YAML
    words = [*arguments, "--address", machines.head, "--runtime-env", str(job / "env.json")]
    script = f"mkdir /tmp/mine && cp {job}/* /tmp/mine && cd /tmp/mine && exec python -m corpusforge {' '.join(words)}"
    environment = {**machines.environment, "PYTHONPATH": f"{package}:/tmp/mine"}
    return subprocess.run([*machines.inside(1), "sh", "-c", script], env=environment).returncode


def outcome(output: Path) -> tuple[str, dict[str, int]]:
    """Return the content checksum of a run and the number of units by node."""
    found: dict[str, int] = {}
    for line in map(json.loads, (output / ".work" / "ledger.jsonl").read_text().splitlines()):
        if "unit" in line:
            found[line.get("node", "driver")] = found.get(line.get("node", "driver"), 0) + 1
    return json.loads((output / "manifest.json").read_text())["content_checksum"], found


def main() -> int:
    """Run all and compare."""
    given = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    given.add_argument("wheel", type=Path)
    asked = given.parse_args()
    if why := available():
        raise SystemExit(why)
    folder = Path(tempfile.mkdtemp(prefix="submit-job-", dir="/var/tmp"))
    job = prepare(folder, asked.wheel)
    here = [sys.executable, "-m", "corpusforge", "run", "recipe.yaml", "--workers", "1"]
    environment = {**os.environ, "PYTHONPATH": str(folder / "unpacked")}
    subprocess.run([*here, "--set", f"vars.output={folder}/one"], check=True, cwd=job, env=environment)
    without_index = ["--no-index", "--no-deps"]  # what is missing would be an error: nothing is fetched
    wheel = "${RAY_RUNTIME_ENV_CREATE_WORKING_DIR}/" + asked.wheel.name
    ways: dict[str, tuple[dict[str, object], list[str]]] = {
        "module": ({"py_modules": [str(folder / "unpacked" / "corpusforge")]}, ["python", "-m", "corpusforge"]),
        "address": ({}, []),
        "wheel": ({"pip": {"packages": [wheel], "pip_install_options": without_index}}, ["corpusforge"]),
    }
    machines = Machines("corpusforge-job")
    try:
        machines.start(1, "--include-dashboard=true")
        machines.wait(1)
        machines.start(2)
        machines.wait(2)
        for name, (runtime_env, command) in ways.items():
            begun = time.time()
            words = ["run", "recipe.yaml", "--set", f"vars.output={folder}/{name}"]
            if command:
                code = submit(machines, job, runtime_env, *command, *words)
            else:
                code = run(machines, job, folder / "unpacked", *words)
            print(f"{name}: exit code {code}, {time.time() - begun:.0f} s", flush=True)
            if code:
                return 1
    finally:
        machines.close()
    expected, _ = outcome(folder / "one")
    same = True
    for name in ways:
        found, nodes = outcome(folder / name)
        # Where the environment of a machine takes longer to make than the work, that machine does none of it.
        same = same and found == expected and (len(nodes) == 2 or name == "wheel")
        print(f"{name}: {found}, units by node {nodes}")
    print("same checksum" if same else f"NOT as in one process: {expected}")
    return 0 if same else 1


if __name__ == "__main__":
    sys.exit(main())
