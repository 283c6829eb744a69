"""corpusforge compare: how two finished runs differ."""

from pathlib import Path
from typing import Any

import click


@click.command(short_help="Compare two finished runs: recipes, funnels, documents that changed sides.")
@click.argument("a")
@click.argument("b")
@click.option("--samples", default=3, show_default=True, type=click.IntRange(0), help="Documents shown of each move.")
@click.option("--page", metavar="FILE", help="Write an HTML page too.")
@click.option("--json", "as_json", is_flag=True, help="Print the comparison as JSON.")
def command(a: str, b: str, samples: int, page: str | None, as_json: bool) -> None:
    """Say how the finished run in B differs from the one in A, down to the documents that changed sides and why."""
    from corpusforge.engine.storage import stored_path
    from corpusforge.report.compare import compare

    figures = compare(stored_path(a), stored_path(b), samples)
    if page:
        from corpusforge.engine.storage import write_whole
        from corpusforge.report.compare_page import page as html

        write_whole(Path(page), html(figures).encode())
    if as_json:
        import orjson

        click.echo(orjson.dumps(figures, option=orjson.OPT_INDENT_2).decode())
    else:
        _show(figures)


def _show(figures: dict[str, Any]) -> None:
    from rich.console import Console
    from rich.table import Table

    console = Console(highlight=False, markup=False)

    def say(text: str) -> None:
        console.print(text, soft_wrap=True)

    for name in ("a", "b"):
        count, tokens = figures["documents"][name], figures["tokens"][name]
        said = f", {tokens:,} tokens" if tokens else ""
        say(f"{name.upper()}  {figures[name]}: kept {count['kept']:,} of {count['read']:,} documents{said}")
    if figures["equal"]:
        say("The contents are equal, byte for byte.")
    for what, words in (("recipe", "different in the recipe"), ("inputs", "different inputs")):
        if figures[what]:
            names = [entry["name"] + ("" if entry["a"] and entry["b"] else _only(entry)) for entry in figures[what]]
            more = f" and {len(names) - 10} others" if len(names) > 10 else ""
            say(f"{words}: {', '.join(names[:10])}{more}")
    for entry in figures["versions"]:
        say(f"version of {entry['name']}: {entry['a'] or 'none'} -> {entry['b'] or 'none'}")
    table = Table(box=None, padding=(0, 1, 0, 0))
    table.add_column("stage", max_width=52, overflow="fold")
    for name in ("A read", "A kept", "B read", "B kept", "change"):
        table.add_column(name, justify="right", no_wrap=True)
    for row in figures["stages"]:
        cells = [f"{row[k][n]:,}" if row[k] else "-" for k in ("a", "b") for n in ("read", "kept")]
        table.add_row(
            row["stage"], *cells, _change(row["a"]["kept"], row["b"]["kept"]) if row["a"] and row["b"] else ""
        )
        for reason in row["reasons"]:
            if reason["a"] != reason["b"]:
                gone = [f"-{reason[k]:,}" if reason[k] else "0" for k in ("a", "b")]
                table.add_row(f"  {reason['reason']}", "", gone[0], "", gone[1], _change(-reason["a"], -reason["b"]))
    console.print(table)
    if figures["unnamed"]:
        say(f"which documents changed sides is not known: {figures['unnamed'][0]}")
        return
    moved = sum(move["documents"] for move in figures["moves"])
    say(f"{figures['same']:,} documents have the same fate in both, {moved:,} another")
    for move in figures["moves"]:
        say(f"{move['documents']:>8,}  {move['a']}  ->  {move['b']}")
        for one in move["samples"]:
            say(f"{'':>10}{one['doc_id']}  {one.get('url') or one.get('origin') or ''}")


def _only(entry: dict[str, Any]) -> str:
    return " (only in A)" if entry["a"] else " (only in B)"


def _change(a: int, b: int) -> str:
    return f"{b - a:+,}" if b != a else ""
