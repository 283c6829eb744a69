"""corpusforge head: the first rows of what a run left."""

from typing import Any

import click

from corpusforge.cli.names import Output
from corpusforge.engine.storage import stored_path
from corpusforge.errors import RunError

KINDS = {
    "data": "shards",
    "validation": "validation",
    "rejected": "rejected",
    "quarantine": "quarantine",
    "signals": "signals",
}
EMPTY = {
    "data": "no document was kept",
    "validation": "the layout holds nothing out",
    "rejected": "nothing was rejected, or the recipe says keep_rejected: none",
    "quarantine": "everything could be read, and no stage failed on a document",
    "signals": "no stage measured signals, or the recipe says signals: none",
}
LONG_CHARS = 300
LONG_ITEMS = 12


@click.command(short_help="Show the first documents, rejects, quarantined or signals of a run.")
@click.argument("output", type=Output())
@click.option("-n", "count", default=5, show_default=True, type=click.IntRange(1), help="How many rows.")
@click.option("--kind", default="data", show_default=True, type=click.Choice(list(KINDS)), help="Which files.")
@click.option("--full", is_flag=True, help="Whole texts, and nothing masked.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")
def command(output: str, count: int, kind: str, full: bool, as_json: bool) -> None:
    """Show the first rows of the finished run in OUTPUT.

    Texts are cut short, and those of rejected documents masked, unless --full is given.
    """

    from corpusforge.report.lookup import first_rows, read_manifest

    manifest = read_manifest(stored_path(output))
    parts = manifest.get(KINDS[kind], [])
    rows = first_rows(stored_path(output), parts, count)
    if parts and not any(part["path"].endswith(".parquet") for part in parts):
        raise RunError(f"{output}/{kind} holds the token ids of {manifest['writer']}, and head shows rows of Parquet")
    if not rows:
        click.echo(f"{output}/{kind} is empty: {EMPTY[kind]}", err=True)
    for number, row in enumerate(rows):
        shown = row if full else _short(row, kind)
        if as_json:
            import orjson

            click.echo(orjson.dumps(shown, default=str).decode())
            continue
        click.echo(f"{'' if not number else chr(10)}{kind} {number}")
        width = max(map(len, shown), default=0)
        for name, value in shown.items():
            if value is not None:
                click.echo(f"  {name:<{width}}  {value}")


def _short(row: dict[str, Any], kind: str) -> dict[str, Any]:
    from corpusforge.engine.samples import withheld
    from corpusforge.report.sample_texts import masked

    shown = dict(row)
    if kind == "rejected" and shown.get("text"):
        if withheld(shown["stage"], shown["reason"]):
            shown["text"] = "(withheld; --full shows it)"
        else:
            shown["text"] = masked(shown["text"][: 10 * LONG_CHARS], shown["doc_id"])
    for name, value in shown.items():
        if isinstance(value, str) and len(value) > LONG_CHARS:
            shown[name] = f"{value[:LONG_CHARS]}... ({len(value):,} characters)"
        elif isinstance(value, list) and len(value) > LONG_ITEMS:
            shown[name] = f"{', '.join(map(str, value[:LONG_ITEMS]))}, ... ({len(value):,} values)"
    return shown
