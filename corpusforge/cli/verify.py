"""corpusforge verify: hold an output folder to its manifest."""

import click

from corpusforge.cli.names import Output
from corpusforge.engine.verify import verify
from corpusforge.errors import RunError


@click.command(short_help="Check checksums and conservation of a finished run.")
@click.argument("output", type=Output())
@click.option("--inputs", metavar="FOLDER", help="Also read every input again, below FOLDER.")
def command(output: str, inputs: str | None) -> None:
    """Check the finished run in OUTPUT: every file's checksum and rows, and that every document is accounted for."""
    problems = verify(output, inputs)
    for problem in problems:
        click.echo(problem, err=True)
    if problems:
        raise RunError(f"{output}: {len(problems)} problems")
    click.echo(f"{output}: verified")
