"""The funnel of a run as a table: what each stage read, kept and rejected, and why."""

from typing import Any

from rich.console import Console
from rich.table import Table

from corpusforge.engine.storage import StoredPath

REASONS = 3  # shown for each stage; all of them stand in the manifest


def funnel(manifest: dict[str, Any], output: StoredPath, console: Console | None = None) -> None:
    """Print the funnel of a finished run."""
    console = console or Console(highlight=False)
    table = Table(box=None, padding=(0, 1, 0, 0))
    table.add_column("stage", no_wrap=True, max_width=32)
    for name in ("read", "kept", "rejected", "lost", "MB kept", "CPU s"):
        table.add_column(name, justify="right", no_wrap=True, min_width=6)
    for stage in manifest["stages"]:
        name = f"{stage['name']} ({stage['source']})" if stage["source"] else stage["name"]
        table.add_row(
            name,
            f"{stage['read']:,}",
            f"{stage['kept']:,}",
            f"{sum(stage['rejected'].values()):,}",
            f"{stage['quarantined']:,}",
            f"{stage['bytes'] / 1e6:.2f}",
            f"{stage['seconds']:.2f}",
        )
        reasons = sorted(stage["rejected"].items(), key=lambda item: (-item[1], item[0]))
        for reason, count in reasons[:REASONS]:
            table.add_row(f"  {reason}", "", "", f"{count:,}", "", "", "", style="dim")
        if len(reasons) > REASONS:
            rest = sum(count for _, count in reasons[REASONS:])
            table.add_row(f"  {len(reasons) - REASONS} other reasons", "", "", f"{rest:,}", "", "", "", style="dim")
    console.print(table)
    documents, run = manifest["documents"], manifest["run"]
    skipped = ", ".join(f"{count:,} {kind}" for kind, count in manifest["skipped"].items())
    for line in (
        f"read {documents['read']:,} = kept {documents['kept']:,} + rejected {documents['rejected']:,} "
        f"+ quarantined {documents['quarantined']:,}" + (f"; no documents: {skipped}" if skipped else ""),
        f"written {_written(manifest['written'])} in {len(manifest['shards']):,} shards",
        *_layout(manifest["written"]),
        f"{run['wall_seconds']:.1f} s, {run['cpu_seconds']:.1f} CPU s, workers: {run['workers']}, "
        f"at most {run['peak_memory_bytes'] / 1e6:.0f} MB each, {run['units_run']} of {run['units']} units run",
        f"{output}: content checksum {manifest['content_checksum']}",
    ):
        console.print(line, soft_wrap=True)


def _written(written: dict[str, Any]) -> str:
    said = f"{written['documents']:,} documents"
    if written["copies"] != written["documents"]:
        said += f" ({written['copies']:,} copies)"
    if written["tokens"]:
        said += f", {written['tokens']:,} tokens"
    if written["sequences"]:
        said += f", {written['sequences']:,} sequences ({written['utilisation']:.2%} used)"
    return said


def _layout(written: dict[str, Any]) -> list[str]:
    """Say what became of each source in a mix, and what was held out."""
    lines = [
        f"  {source}: {found['obtained']:,} {found['unit']} of {found['asked']:,} asked, {found['epochs']:g} epochs of "
        f"{found['available']:,}" + (" (less than asked)" if found["obtained"] < found["asked"] else "")
        for source, found in written.get("sources", {}).items()
        if "asked" in found
    ]
    if left := written.get("left_out"):
        lines.append(f"  {left:,} kept documents were left out by the mix")
    if (held := written.get("validation")) is not None:
        lines.append(f"held out {held['documents']:,} documents, {held['tokens']:,} tokens, in validation/")
    return lines
