"""corpusforge check: everything that can be known before a run."""

import click

from corpusforge.checks import check
from corpusforge.engine.plan import plan
from corpusforge.recipe import load


@click.command(short_help="Check a recipe and print its plan; nothing is run.")
@click.argument("recipe")
@click.option("--set", "set_", multiple=True, metavar="NAME=VALUE", help="Change a value, e.g. vars.output=out/x.")
def command(recipe: str, set_: tuple[str, ...]) -> None:
    """Check RECIPE: names, fields, columns, files and models; then print inputs, segments and exchanges."""
    pipeline = load(recipe, set_)
    for warning in check(pipeline):
        click.echo(f"warning: {warning}", err=True)
    for line in plan(pipeline).lines():
        click.echo(line)
    click.echo(f"output: {pipeline.writer.path}")
