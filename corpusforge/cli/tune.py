"""corpusforge tune: what other bounds would have done, without running again."""

from pathlib import Path
from typing import Any

import click

from corpusforge.cli.names import Name, Output


@click.command(short_help="Say what other bounds of a rule pack would have kept; nothing is run.")
@click.argument("output", type=Output())
@click.option(
    "--pack", required=True, type=Name("packs"), metavar="PACK", help="A pack that the run used, by name or path."
)
@click.option("--set", "set_", multiple=True, metavar="NAME.min=N", help="A bound to put in place, or to add.")
@click.option("--sweep", metavar="NAME.min=FROM:TO:BY", help="Try one bound at many values.")
@click.option("--with", "instead", metavar="FILE", help="Judge by this pack file in place of the run's.")
@click.option("--block", default="", metavar="LABEL", help="Which block, when the pack stands in several.")
@click.option(
    "--samples",
    default=5,
    show_default=True,
    type=click.IntRange(0),
    help="Documents shown of each kind; 0 looks for none.",
)
@click.option("--page", metavar="FILE", help="Write the curve of --sweep as an HTML page.")
@click.option("--write", metavar="FILE", help="Save the changed pack.")
@click.option("--json", "as_json", is_flag=True, help="Print the answer as JSON.")
def command(
    output: str,
    pack: str,
    set_: tuple[str, ...],
    sweep: str | None,
    instead: str | None,
    block: str,
    samples: int,
    page: str | None,
    write: str | None,
    as_json: bool,
) -> None:
    """Judge the documents of the finished run in OUTPUT by other bounds, from the signals that the run stored.

    Exact for the outcome of the neighbouring rules that the pack stands among; documents gained have not been judged by
    later stages. Says so when only a rerun can answer.
    """
    import orjson

    from corpusforge.errors import RecipeError
    from corpusforge.report.tune import Answer, ask, parse_changes

    if not set_ and not sweep and not instead:
        raise RecipeError("nothing to try: give --set NAME.min=NUMBER, --sweep NAME.min=FROM:TO:BY or --with FILE")
    if page and not sweep:
        raise RecipeError("--page writes the curve of a sweep: give --sweep NAME.min=FROM:TO:BY too")
    changes = parse_changes(set_)
    if sweep:
        figures = _sweep(output, pack, changes, sweep, block, instead or "", page)
        click.echo(orjson.dumps(figures, option=orjson.OPT_INDENT_2).decode()) if as_json else _show_curve(figures)
    if set_ or (instead and not sweep):
        question = ask(output, pack, changes, block=block, instead=instead or "")
        if not sweep:
            answer = Answer(question, samples)
            figures = answer.figures()
            _place(question, figures)
            click.echo(orjson.dumps(figures, option=orjson.OPT_INDENT_2).decode()) if as_json else _show(figures)
        if write:
            from corpusforge.report.pack_edit import save

            owns = [question.stages.fields[target.place].get("set", {}) for target in question.targets]
            if any(own != owns[0] for own in owns) and not instead:
                raise RecipeError(f"sources set other bounds of '{pack}' each: {owns}; one file cannot stand for them")
            saved = save(question.targets[0].other, {**(owns[0] if not instead else {}), **changes}, Path(write))
            click.echo(f"{write}: pack '{saved.name}', used as quality.rules: {{pack: {write}}}", err=True)
    elif write:
        raise RecipeError("--write saves a changed pack: give --set NAME.min=NUMBER too")


def _sweep(
    output: str, pack: str, changes: dict[str, float], sweep: str, block: str, instead: str, page: str | None
) -> dict[str, Any]:
    from corpusforge.engine.storage import write_whole
    from corpusforge.report import sweep_page
    from corpusforge.report.sweep import Curve, parse_steps
    from corpusforge.report.tune import ask

    steps = parse_steps(sweep)
    question = ask(output, pack, {**changes, steps.key: float(steps.values[0])}, block=block, instead=instead)
    figures = Curve(question, steps).figures()
    if page:
        path = Path(page)
        path.parent.mkdir(parents=True, exist_ok=True)
        write_whole(path, sweep_page.page(figures).encode())
        click.echo(f"{page}: the curve, open it in a browser", err=True)
    return figures


def _place(question: Any, figures: dict[str, Any]) -> None:
    # Where the sampled documents are now.
    from corpusforge.report.sample_texts import locate

    every = [entry for kind in figures["samples"].values() for entry in kind]
    found = locate(question.output, question.manifest, [entry["doc_id"] for entry in every]) if every else {}
    for entry in every:
        entry.update(found.get(entry["doc_id"], {"now": "not kept on record"}))


def _show(figures: dict[str, Any]) -> None:
    from rich.console import Console
    from rich.table import Table

    console = Console(highlight=False, soft_wrap=True)
    about = "about " if figures["signals_share"] < 1 else ""
    changes = ", ".join(f"{key} = {value:g}" for key, value in figures["changes"].items())
    console.print(f"{figures['pack']} with {changes or 'other rules'}, in {'; '.join(figures['blocks'])}", markup=False)
    console.print(
        f"kept {about}{figures['kept_before']:,} before, {figures['kept_after']:,} after, of {figures['documents']:,}: "
        f"{figures['gained']:,} gained, {figures['lost']:,} lost"
    )
    for title, key in (("source", "sources"), ("language", "languages")):
        table = Table(box=None, padding=(0, 1, 0, 0))
        table.add_column(title, no_wrap=True)
        for name in ("reached", "before", "after", "gained", "lost"):
            table.add_column(name, justify="right", no_wrap=True)
        for name, counts in list(figures[key].items())[:20]:
            table.add_row(name, *(f"{value:,}" for value in counts.values()))
        console.print(table)
    moved = {r: c for r, c in figures["reasons"].items() if c["before"] != c["after"]}
    if moved:
        table = Table(box=None, padding=(0, 1, 0, 0))
        for name in ("reason that moved", "before", "after"):
            table.add_column(name, no_wrap=True, justify="left" if "reason" in name else "right")
        for reason, counts in moved.items():
            table.add_row(reason, f"{counts['before']:,}", f"{counts['after']:,}")
        console.print(table)
    for kind, entries in figures["samples"].items():
        if entries:
            console.print(f"{kind}, {len(entries)} of {about}{figures[kind]:,}")
        for entry in entries:
            values = ", ".join(f"{name} {value:g}" for name, value in entry["signals"].items())
            said = entry["after"] if kind == "lost" else f"was {entry['before']}"
            console.print(f"  {entry['doc_id']}  {said}; {values}", markup=False)
            console.print(f"    {entry.get('url') or entry.get('origin', '')}  now {entry['now']}", markup=False)
            if "text" in entry:
                console.print(f"    {' '.join(entry['text'].split())[:160]}", markup=False)
    _notes(console, figures)


def _show_curve(figures: dict[str, Any]) -> None:
    from rich.console import Console
    from rich.table import Table

    console = Console(highlight=False)
    table = Table(box=None, padding=(0, 1, 0, 0))
    table.add_column(figures["sweep"], justify="right", no_wrap=True, min_width=len(figures["sweep"]))
    for name in ("kept", "share", "gained", "lost"):
        table.add_column(name, justify="right", no_wrap=True, min_width=6)
    table.add_column("", no_wrap=True)
    for point in figures["points"]:
        share = point["kept"] / figures["documents"] if figures["documents"] else 0.0
        mark = " the run" if point["value"] in figures["current"] else ""
        counts = (f"{point[name]:,}" for name in ("gained", "lost"))
        table.add_row(
            f"{point['value']:g}", f"{point['kept']:,}", f"{share:.1%}", *counts, "█" * round(20 * share) + mark
        )
    console.print(table)
    current = ", ".join(f"{bound:g}" for bound in figures["current"]) or "no bound"
    console.print(
        f"{figures['documents']:,} documents reached the rules; the run kept {figures['kept_before']:,} at {current}"
    )
    if figures["signals_share"] < 1:
        console.print(f"Estimated from the signals of {figures['signals_share']:.3g} of all documents")
    _notes(console, figures)


def _notes(console: Any, figures: dict[str, Any]) -> None:
    for note in figures["notes"]:
        console.print(f"note: {note}", markup=False, soft_wrap=True)
