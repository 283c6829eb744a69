"""corpusforge new: a recipe, a stage or a rule pack of one's own, ready to run."""

from pathlib import Path

import click


@click.command(short_help="Write a recipe, a stage or a rule pack to begin with.")
@click.argument("what", type=click.Choice(["recipe", "stage", "pack"]))
@click.argument("name")
@click.option("--input", "pattern", metavar="PATTERN", help="Files that a new recipe reads, such as 'crawl/*.warc.gz'.")
def command(what: str, name: str, pattern: str | None) -> None:
    """Write NAME.yaml (recipe, pack) or NAME.py (stage) into this folder; what is written runs as it is.

    NAME may have a folder before it, and is otherwise letters, digits and underscores. Nothing is overwritten.
    """
    from corpusforge.templates import write

    made = write(what, Path(name), pattern)
    for path in made.files:
        click.echo(f"wrote {path}")
    for line in made.then:
        click.echo(f"  {line}")
