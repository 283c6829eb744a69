"""The funnel of a run as a table: what each stage read, kept and rejected, and why."""

from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

REASONS = 3  # shown for each stage; all of them stand in the manifest


def funnel(manifest: dict[str, Any], output: Path, console: Console | None = None) -> None:
    """Print the funnel of a finished run."""
    console = console or Console()
    table = Table(title="documents", title_justify="left")
    table.add_column("stage")
    for name in ("read", "kept", "rejected", "lost", "MB kept", "CPU s"):
        table.add_column(name, justify="right")
    table.add_column("commonest reasons")
    for stage in manifest["stages"]:
        name = f"{stage['name']} ({stage['source']})" if stage["source"] else stage["name"]
        reasons = sorted(stage["rejected"].items(), key=lambda item: (-item[1], item[0]))
        said = ", ".join(f"{reason} {count:,}" for reason, count in reasons[:REASONS])
        table.add_row(
            name,
            f"{stage['read']:,}",
            f"{stage['kept']:,}",
            f"{sum(stage['rejected'].values()):,}",
            f"{stage['quarantined']:,}",
            f"{stage['bytes'] / 1e6:.2f}",
            f"{stage['seconds']:.2f}",
            said + (" ..." if len(reasons) > REASONS else ""),
        )
    console.print(table)
    documents, run = manifest["documents"], manifest["run"]
    console.print(
        f"read {documents['read']:,} = kept {documents['kept']:,} + rejected {documents['rejected']:,} "
        f"+ quarantined {documents['quarantined']:,}"
    )
    for kind, count in manifest["skipped"].items():
        console.print(f"not documents: {count:,} x {kind}")
    tokens = f", {manifest['written']['tokens']:,} tokens" if manifest["written"]["tokens"] else ""
    console.print(f"written {manifest['written']['documents']:,} documents{tokens} in {len(manifest['shards'])} shards")
    console.print(
        f"{run['wall_seconds']:.1f} s, {run['cpu_seconds']:.1f} CPU s, {run['workers']} workers, "
        f"at most {run['peak_memory_bytes'] / 1e6:.0f} MB a worker, {run['units_run']} of {run['units']} units run"
    )
    console.print(f"{output}: content checksum {manifest['content_checksum']}")
