"""corpusforge stats: what a corpus consists of."""

from typing import Any

import click

SHOWN = 20  # values of a group; all of them stand in --json
BAR = 40


@click.command(short_help="Count documents, bytes and tokens by source, language, license, domain and length.")
@click.argument("output")
@click.option("--validation", is_flag=True, help="Of the documents held out, instead of those of data/.")
@click.option("--domains", type=click.IntRange(0), default=20, show_default=True, help="Largest domains to list.")
@click.option("--json", "as_json", is_flag=True, help="Print everything as JSON.")
def command(output: str, validation: bool, domains: int, as_json: bool) -> None:
    """Count what the finished run in OUTPUT wrote: documents, bytes of text and tokens, by source, language, license,
    domain and length. Copies count as often as they are written.
    """
    from corpusforge.report.stats import stats

    found = stats(output, validation=validation, domains=domains)
    if as_json:
        import orjson

        click.echo(orjson.dumps(found, option=orjson.OPT_INDENT_2).decode())
        return
    _print(found)


def _print(found: dict[str, Any]) -> None:
    from rich.console import Console
    from rich.table import Table

    console = Console(highlight=False)
    totals = ", ".join(f"{found[name]:,} {name}" for name in ("documents", "bytes", "tokens") if found[name])
    console.print(f"{found['output']}, {found['of']}, {found['writer']}: {totals}", soft_wrap=True)
    if packed := found.get("packed"):
        console.print(
            f"packed: {packed['sequences']:,} sequences, {packed['tokens']:,} tokens and "
            f"{packed['padding_tokens']:,} of padding (utilisation {packed['utilisation']:.2%}), "
            f"{packed['dropped_tokens']:,} dropped, {packed['cut_documents']:,} documents cut",
            soft_wrap=True,
        )
    columns = [name for name in ("documents", "bytes", "tokens") if found[name]]
    for group in ("source", "language", "license", "domains"):
        rows = found[group][: SHOWN if group != "domains" else None]
        if not rows or all(row["value"] is None for row in rows):
            continue
        have = [name for name in columns if name in rows[0]]
        table = Table(box=None, padding=(0, 1, 0, 0))
        table.add_column("domain" if group == "domains" else group, no_wrap=True, max_width=40)
        for name in have:
            table.add_column(name, justify="right", no_wrap=True)
        unit = have[-1]
        table.add_column(f"of {unit}", justify="right")
        for row in rows:
            value = "(none)" if row["value"] is None else row["value"] or "(empty)"
            table.add_row(value, *(f"{row[name]:,}" for name in have), f"{row[unit] / max(found[unit], 1):.2%}")
        if (left := (found["domains_in_all"] if group == "domains" else len(found[group])) - len(rows)) > 0:
            table.add_row(f"{left:,} more", style="dim")
        console.print()
        console.print(table)
    for unit, bins in found["lengths"].items():
        if bins:
            console.print()
            console.print(_histogram(unit, bins))
    for note in found["notes"]:
        console.print(f"\n{note}", soft_wrap=True)


def _histogram(unit: str, bins: list[dict[str, int]]) -> Any:
    from rich.table import Table

    table = Table(box=None, padding=(0, 1, 0, 0))
    table.add_column(f"{unit} in a document", justify="right", no_wrap=True)
    for name in ("documents", unit):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("share of documents")
    most = max(one["documents"] for one in bins)
    for one in bins:
        length = f"{one['min']:,} to {one['max']:,}" if one["max"] > 1 else f"{one['max']}"
        bar = "█" * round(BAR * one["documents"] / most)
        table.add_row(length, f"{one['documents']:,}", f"{one[unit]:,}", bar)
    return table
