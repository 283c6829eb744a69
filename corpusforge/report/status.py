"""How a run goes or went, read from outside: lock, ledger and manifest are looked at and nothing is touched."""

import time
from pathlib import Path
from typing import Any

from corpusforge.engine.ledger import last_note
from corpusforge.engine.ledger_lines import lines_in
from corpusforge.engine.lock import owner
from corpusforge.engine.storage import StoredPath, stored_path
from corpusforge.errors import OutputError
from corpusforge.report.lookup import read_manifest


def status(output: str | StoredPath, work: str | Path | None = None) -> dict[str, Any]:
    """Return the state of the run in `output`: `state` (running, dead, stopped, finished) and what is known of it.

    `work`: the folder that the recipe names as run.work. `progress` is the record of engine/tracking.Track.state and
    `age_seconds` how old it is; `owner` (host, pid, seconds since its last sign) who works, or worked until it died;
    `documents` the counts of a finished run. dead: the process ended without a word, such as by a kill; stopped: it
    ended with an error or Ctrl-C. Either continues with the same command. Raises OutputError where no run has been.
    """
    folder = stored_path(output)
    ours = folder / ".work"
    of = stored_path(work) if work else ours
    ledger = lines_in(of)
    found: dict[str, Any] = {"output": str(output)}
    holder = owner(ours)
    if holder is not None:
        found["owner"] = {"host": holder.host, "pid": holder.pid, "seconds": round(holder.seconds, 1)}
    note = last_note(of, "progress")
    if note is not None:
        found["progress"] = note["progress"]
        found["age_seconds"] = round(max(0.0, time.time() - note["at"]), 1)
    if holder is not None:
        return {"state": "running" if holder.alive else "dead", **found}
    manifest_path = folder / "manifest.json"
    # Of a run that was to replace a finished one, the ledger is the newer; a shared work folder tells nothing.
    finished = manifest_path.exists()
    replacing = work is None and finished and ledger.exists and ledger.changed > manifest_path.stat().st_mtime
    if finished and not replacing:
        manifest = read_manifest(folder)
        about = {name: manifest["run"][name] for name in ("wall_seconds", "cpu_seconds", "workers", "retries")}
        counts = {"documents": manifest["documents"], "shards": len(manifest["shards"]), "run": about}
        return {"state": "finished", "output": str(output), **counts}
    if not ledger.exists:
        known = "" if folder.exists() else ": there is no such folder"
        raise OutputError(f"{output}: no run has been here{known}. If its recipe names run.work, give --work FOLDER")
    return {"state": "stopped", **found}
