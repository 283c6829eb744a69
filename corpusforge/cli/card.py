"""corpusforge card: a dataset card of a finished run."""

import click

from corpusforge.engine.storage import stored_path, write_whole
from corpusforge.errors import OutputError


@click.command(short_help="Write a dataset card for a finished run.")
@click.argument("output")
@click.option("--print", "shown", is_flag=True, help="Print the card; write nothing.")
@click.option("--replace", is_flag=True, help="Replace a README.md that is there.")
def command(output: str, shown: bool, replace: bool) -> None:
    """Write OUTPUT/README.md: Markdown with the metadata header that the Hugging Face hub reads.

    Sources, licences, the processing with the paper behind each step, statistics, known limits. What only people know
    (why the corpus was made, who may use it for what) is left to them.
    """
    from corpusforge.report import card

    text = card.card(stored_path(output))
    path = stored_path(output) / card.NAME
    if shown:
        click.echo(text)
        return
    if path.exists() and not replace:
        raise OutputError(f"{path} is there already, perhaps edited; give --replace to write it anew, or --print")
    write_whole(path, text.encode())
    click.echo(str(path))
