"""Machines made of namespaces: each has an address, a host name, processes, /tmp and /dev/shm of its own.

They share the file system otherwise, as machines with one image and one shared disk do. Needs root, `ip` and `unshare`;
leaves nothing: the switch, its cables and the machines' processes go with `close`.
"""

import os
import shlex
import shutil
import subprocess
import sys
import time
import uuid
from pathlib import Path

import psutil

NET = "10.77.0"  # inside the namespaces only; no interface of this machine has it
PORT = 6379
BIN = Path(sys.executable).parent


def available() -> str:
    """Return why machines cannot be made here, or an empty string."""
    if os.geteuid() != 0:
        return "only root may make namespaces"
    missing = [name for name in ("ip", "unshare", "nsenter", "mount") if shutil.which(name) is None]
    return f"there is no {', '.join(missing)}" if missing else ""


class Machines:
    """A switch and the machines on it; the first one is the head of a Ray cluster."""

    def __init__(self, name: str = "corpusforge") -> None:
        self.name = name
        self.running: dict[int, subprocess.Popen[bytes]] = {}
        self.logs = Path(f"/var/tmp/{name}-nodes-{os.getpid()}")
        self.logs.mkdir()
        # A token of this cluster's own, which newer Rays ask of all that connect.
        others = {name: value for name, value in os.environ.items() if not name.startswith("RAY_")}
        others["PATH"] = f"{BIN}{os.pathsep}{others.get('PATH', '')}"  # `python` is this one
        self.environment = {**others, "RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": uuid.uuid4().hex}
        _ip("netns", "add", f"{name}-switch")
        self._in_switch("link", "add", "switch", "type", "bridge")
        self._in_switch("link", "set", "switch", "up")

    def start(self, number: int, *options: str) -> None:
        """Start machine `number` (1 is the head) and its raylet with one CPU; `options` go to `ray start`."""
        space, cable = f"{self.name}-{number}", f"cable{number}"
        _ip("netns", "add", space)
        self._in_switch("link", "add", cable, "type", "veth", "peer", "name", "eth0", "netns", space)
        self._in_switch("link", "set", cable, "master", "switch", "up")
        _ip("-n", space, "address", "add", f"{NET}.{number}/24", "dev", "eth0")
        _ip("-n", space, "link", "set", "eth0", "up")
        _ip("-n", space, "link", "set", "lo", "up")
        place = ["--head", f"--port={PORT}"] if number == 1 else [f"--address={self.head}"]
        ray = [f"{BIN}/ray", "start", *place, f"--node-ip-address={NET}.{number}", "--num-cpus=1", "--block"]
        ray += ["--object-store-memory=100000000", "--disable-usage-stats", *options]
        script = (
            f"hostname node{number}; mount -t tmpfs tmpfs /tmp; mount -t tmpfs tmpfs /dev/shm; exec {shlex.join(ray)}"
        )
        apart = ["unshare", "--mount", "--uts", "--ipc", "--pid", "--fork", "--kill-child", "--mount-proc"]
        with open(self.logs / f"node{number}.log", "wb") as log:
            command = ["ip", "netns", "exec", space, *apart, "sh", "-c", script]
            self.running[number] = subprocess.Popen(command, stdout=log, stderr=log, env=self.environment)

    @property
    def head(self) -> str:
        """Where the cluster is."""
        return f"{NET}.1:{PORT}"

    def wait(self, number: int, seconds: float = 90) -> None:
        """Wait until so many nodes are in the cluster."""
        code = "import ray; ray.init('auto', logging_level=40); print(sum(node['Alive'] for node in ray.nodes()))"
        until = time.time() + seconds
        while time.time() < until:
            command = [*self.inside(1), str(BIN / "python"), "-c", code]
            done = subprocess.run(command, capture_output=True, text=True, env=self.environment)
            if done.stdout.strip().endswith(str(number)):
                return
            time.sleep(1)
        raise SystemExit(f"no cluster of {number} nodes after {seconds} s; see {self.logs}: {done.stderr[-1000:]}")

    def inside(self, number: int) -> list[str]:
        """Return the beginning of a command that runs on machine `number`."""
        process = self.running[number]
        while not (found := psutil.Process(process.pid).children()):  # until `unshare` has forked
            if process.poll() is not None:
                raise SystemExit(f"machine {number} has ended: {(self.logs / f'node{number}.log').read_text()[-3000:]}")
            time.sleep(0.1)
        first = found[0]
        return ["nsenter", "--target", str(first.pid), "--mount", "--uts", "--ipc", "--net", "--pid"]

    def kill(self, number: int) -> None:
        """Cut a machine off, as when its power goes."""
        process = self.running.pop(number)
        for child in psutil.Process(process.pid).children():
            child.kill()  # the first process of its namespace takes all others along
        process.wait()
        _ip("netns", "delete", f"{self.name}-{number}")

    def close(self) -> None:
        """Remove everything."""
        for number in list(self.running):
            self.kill(number)
        _ip("netns", "delete", f"{self.name}-switch")
        shutil.rmtree(self.logs)

    def _in_switch(self, *words: str) -> None:
        _ip("-n", f"{self.name}-switch", *words)


def _ip(*words: str) -> None:
    done = subprocess.run(["ip", *words], capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(f"ip {' '.join(words)}: {done.stderr.strip()}")
