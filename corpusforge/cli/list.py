"""corpusforge list: what there is."""

import click

from corpusforge.registry import names, shipped

FOLDERS = {"packs": "filters", "recipes": "pipelines", "mixtures": "pipelines/mixtures"}


@click.command(short_help="List stages, writers, packs, recipes, mixtures or signals.")
@click.argument("what", type=click.Choice(["stages", "writers", *FOLDERS, "signals"]), default="stages")
def command(what: str) -> None:
    """List every stage, writer, rule pack, recipe, published mixture or signal by name."""
    if what in ("stages", "writers"):
        found = [name for name in names() if what == "stages" or name.startswith("write.")]
    elif what == "signals":
        from corpusforge import signals

        found = sorted(signals.names())
    else:
        found = sorted(p.stem for p in shipped(FOLDERS[what]).glob("*.yaml"))
    for name in found:
        click.echo(name)
