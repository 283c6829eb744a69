"""The command line, in a process that stops at each commit at which a fault is due until the kit has struck.

python -m fault_kit.driver PLAN run RECIPE ...
"""

import sys
import time
from pathlib import Path
from typing import Any

import orjson

from corpusforge.cli import main
from corpusforge.engine.ledger import Ledger

from .plan import IN_WORKER, Fault, Plan

PATIENCE_SECONDS = 60


def stop_at_faults(plan: Plan) -> None:
    """Make every commit of a ledger wait for the faults that are due."""
    faults, units, _ = plan.read()
    mine = [fault for fault in faults if fault.kind not in IN_WORKER]
    real = Ledger.commit

    def commit(ledger: Ledger, entries: list[dict[str, Any]]) -> None:
        done = len(ledger.units) + len(entries)
        due = [fault for fault in mine if done >= fault.place * units and not plan.is_past(fault)]
        early = [fault for fault in due if fault.kind == "kill driver" and fault.draw % 2]
        for fault in early:  # the work is done, and the ledger does not say so
            _stop(plan, fault, ledger)
        real(ledger, entries)
        for fault in due:
            if fault not in early:
                _stop(plan, fault, ledger)

    Ledger.commit = commit  # type: ignore[method-assign]


def _stop(plan: Plan, fault: Fault, ledger: Ledger) -> None:
    told = plan.now.with_suffix(".tmp")
    told.write_bytes(orjson.dumps({"fault": list(fault), "files": sorted(_files(list(ledger.units.values())))}))
    told.replace(plan.now)
    begun = time.monotonic()
    while plan.now.exists() and time.monotonic() - begun < PATIENCE_SECONDS:
        time.sleep(0.002)


def _files(value: Any) -> set[str]:
    """Return the intermediate files that the entries of a ledger name: those with an absolute path, or a URI."""
    if isinstance(value, dict):
        found = set().union(*map(_files, value.values()))
        path = value.get("path")
        is_file = isinstance(path, str) and "checksum" in value and (path.startswith("/") or "://" in path)
        return found | {path} if is_file else found
    return set().union(*map(_files, value)) if isinstance(value, list) else set()


if __name__ == "__main__":
    stop_at_faults(Plan(Path(sys.argv[1])))
    main(sys.argv[2:])
