"""The cluster examples: manifests that parse, commands that the command line takes, one shared folder on every node."""

import json
import re
import shlex
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml
from ray.runtime_env import RuntimeEnv

from corpusforge.cli.run import command
from corpusforge.pipeline import RunOptions

CLUSTER = Path(__file__).parents[1] / "examples" / "cluster"


def loaded(name: str) -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load((CLUSTER / name).read_text())
    return found


def test_every_pod_of_the_job_sees_the_folder_of_the_recipe() -> None:
    cluster = loaded("rayjob.yaml")["spec"]["rayClusterSpec"]
    groups = [cluster["headGroupSpec"], *cluster["workerGroupSpecs"]]
    for pod in (group["template"]["spec"] for group in groups):
        claimed = {volume["name"] for volume in pod["volumes"] if "persistentVolumeClaim" in volume}
        mounts = {m["name"]: m["mountPath"] for container in pod["containers"] for m in container["volumeMounts"]}
        assert {mounts[name] for name in claimed} == {"/shared"}
        assert all(c["resources"]["requests"] == c["resources"]["limits"] for c in pod["containers"])


@pytest.mark.parametrize("name", ["rayjob.yaml", "ray_up.yaml"])
def test_the_commands_are_those_of_the_command_line(name: str) -> None:
    text = (CLUSTER / name).read_text()
    commands = re.findall(r"corpusforge run (/shared/\S+ [^'\n]*)", text)
    assert commands
    for line in commands:
        parsed = command.make_context("run", shlex.split(line), resilient_parsing=True)
        assert parsed.params["address"] == "auto"
        assert not parsed.args


def test_ray_itself_takes_the_runtime_environments(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "unpacked" / "corpusforge").mkdir(parents=True)
    monkeypatch.chdir(tmp_path)
    text = (CLUSTER / "README.md").read_text()
    shown = [*re.findall(r"--runtime-env-json '([^']*)'", text), *re.findall(r"`(\{\"py_modules.*?\})`", text)]
    assert {key for one in shown for key in RuntimeEnv(**json.loads(one))} >= {"pip", "py_modules"}


def test_ray_itself_takes_the_file_of_ray_up() -> None:
    from ray.autoscaler._private.util import prepare_config, validate_config

    validate_config(prepare_config(loaded("ray_up.yaml")))
    with pytest.raises(jsonschema.ValidationError):
        validate_config(prepare_config({**loaded("ray_up.yaml"), "no_such_key": 1}))


def test_every_run_section_shown_is_one_that_recipes_take() -> None:
    shown = re.search(r"^    run:\n(?:      .*\n)+", (CLUSTER / "README.md").read_text(), re.MULTILINE)
    assert shown is not None
    options = RunOptions.model_validate(yaml.safe_load(shown[0])["run"])
    assert options.ray.needs["quality.classifier"] == {"memory": 8e9, "GPU": 0.5}


def test_the_workers_of_ray_up_join_its_head() -> None:
    cluster = loaded("ray_up.yaml")
    assert cluster["max_workers"] == len(cluster["provider"]["worker_ips"])
    port = re.search(r"--port=(\d+)", cluster["head_start_ray_commands"][-1])
    assert port is not None
    assert f"$RAY_HEAD_IP:{port[1]}" in cluster["worker_start_ray_commands"][-1]
