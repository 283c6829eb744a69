"""corpusforge report: the page of a finished run."""

import click


@click.command(short_help="Write report.html of a finished run.")
@click.argument("output")
def command(output: str) -> None:
    """Write OUTPUT/report.html: the funnel, losses, signals with their bounds, samples. Opens without network."""
    from corpusforge.engine.storage import stored_path
    from corpusforge.report.page import write

    path = write(stored_path(output))
    click.echo(f"{path} ({path.stat().st_size / 1e3:,.0f} kB)")
