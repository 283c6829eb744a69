"""corpusforge list: what there is."""

import click

from corpusforge.registry import names, shipped


@click.command(short_help="List stages, packs or recipes.")
@click.argument("what", type=click.Choice(["stages", "packs", "recipes", "signals"]), default="stages")
def command(what: str) -> None:
    """List every stage, rule pack, recipe or signal by name."""
    if what == "stages":
        found = names()
    elif what == "signals":
        from corpusforge import signals

        found = sorted(signals.names())
    else:
        found = sorted(p.stem for p in shipped({"packs": "filters", "recipes": "pipelines"}[what]).glob("*.yaml"))
    for name in found:
        click.echo(name)
