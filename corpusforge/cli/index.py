"""corpusforge index: what a finished corpus holds, so that later crawls can leave it out."""

from pathlib import Path

import click


@click.command(short_help="Make or extend the index that dedup.against reads.")
@click.argument("output")
@click.argument("index")
@click.option("--ngram", type=click.IntRange(1), help="Words (or characters) of an n-gram; 5.")
@click.option("--unit", type=click.Choice(["words", "characters"]), help="What an n-gram is made of; words.")
@click.option("--bands", type=click.IntRange(1), help="MinHash bands; 24.")
@click.option("--rows", type=click.IntRange(1), help="Values of a band; 7.")
def command(output: str, index: str, **given: int | str | None) -> None:
    """Add the kept documents of the finished run in OUTPUT to the folder INDEX.

    A new index takes the options, or the defaults of dedup.minhash; one that exists keeps its own.
    """
    from corpusforge.errors import OutputError
    from corpusforge.stages.dedup.corpus_index import NAME, Banding, extend, read_index

    chosen = {name: value for name, value in given.items() if value is not None}
    if chosen and (Path(index) / NAME).exists():
        kept = read_index(index).banding.model_dump()
        if other := [f"{name} {kept[name]}" for name in chosen if kept[name] != chosen[name]]:
            raise OutputError(f"the index in {index} has {', '.join(other)}; make another for other n-grams or bands")
    made = extend(output, index, Banding.model_validate(chosen))
    click.echo(f"{index}: {made.documents:,} documents of {len(made.corpora)} corpora in {len(made.parts)} parts")
