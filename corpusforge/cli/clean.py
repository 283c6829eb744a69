"""corpusforge clean: remove intermediates and stray files of a run."""

import click

from corpusforge.cli.names import Output


@click.command(short_help="Remove intermediates and stray files from an output folder.")
@click.argument("output", type=Output())
@click.option("--unfinished", is_flag=True, help="Also throw away the work of a run that has not finished.")
@click.option("--dry-run", is_flag=True, help="Only say what would be removed.")
def command(output: str, unfinished: bool, dry_run: bool) -> None:
    """Remove .work, .new and parts that the manifest does not name from OUTPUT; refuses while a run works there."""
    from corpusforge.engine.cleaning import clean

    cleaned = clean(output, unfinished=unfinished, dry=dry_run)
    for name in cleaned.removed:
        click.echo(f"{'would remove' if dry_run else 'removed'} {name}")
    for name in cleaned.left:
        click.echo(f"left {name}: no run writes such a file")
    if not cleaned.removed:
        click.echo(f"{output}: nothing to remove")
    else:
        click.echo(f"{output}: {cleaned.bytes / 1e6:.1f} MB {'to be freed' if dry_run else 'freed'}")
