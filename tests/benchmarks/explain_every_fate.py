"""Explain one document for every reason of a finished run: python tests/benchmarks/explain_every_fate.py OUTPUT

One for each stage and reason in rejected/, one quarantined, one kept, one with personal data changed; prints what
explain says of each, whether it names the right stage, and the seconds of all.
"""

import sys
import time
from pathlib import Path

import pyarrow.parquet as pq

from corpusforge.report.explain import explain


def fates(output: Path) -> list[tuple[str, str, str]]:
    """Return (what to ask for, status due, stage due) of one document for each way to end."""
    found: dict[tuple[str, str], tuple[str, str, str]] = {}
    for row in pq.read_table(output / "rejected", columns=["doc_id", "stage", "reason"]).to_pylist():
        found.setdefault((row["stage"], row["reason"]), (row["doc_id"], "rejected", row["stage"]))
    if (output / "quarantine").is_dir():
        for row in pq.read_table(output / "quarantine", columns=["origin", "stage"]).to_pylist():
            found.setdefault(("quarantined", row["stage"]), (row["origin"], "quarantined", row["stage"]))
    columns = [name for name in pq.read_schema(next((output / "data").iterdir())).names if name.startswith("pii_")]
    for row in pq.read_table(output / "data", columns=["doc_id", *columns]).to_pylist():
        changed = "personal data changed" if any(row[name] for name in columns) else "kept"
        found.setdefault((changed, ""), (row["doc_id"], "kept", ""))
    return list(found.values())


def main(output: Path) -> None:
    """Ask for each."""
    begun, wrong, asked = time.time(), 0, fates(output)
    for wanted, status, stage in asked:
        account = explain(output, wanted)[0]
        ended = [entry["name"] for entry in account["stages"] if entry["outcome"] in ("rejected", "quarantined")]
        right = account["status"] == status and ended == ([stage] if stage else [])
        wrong += not right
        said = account.get("rejected", {}).get("reason") or account.get("pii") or ""
        print(f"{'' if right else 'WRONG '}{status} {stage} {said} {account.get('place') or account['record']}")
    print(f"{len(asked)} fates, {wrong} wrong, {time.time() - begun:.1f} s")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
