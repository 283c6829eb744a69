"""corpusforge train: the models that stages apply; one file per kind, train_<kind>.py."""

import click

from corpusforge.cli import Commands


@click.group(cls=Commands, prefix="train_", short_help="Train a model that a stage applies.")
def command() -> None:
    """Train a model on texts of your own; the page of each kind says which stage applies it."""
