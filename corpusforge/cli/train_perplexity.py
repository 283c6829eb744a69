"""corpusforge train perplexity: an n-gram language model for quality.perplexity."""

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click

from corpusforge.errors import OutputError, RecipeError


@click.command(short_help="Train an n-gram language model for the stage quality.perplexity.")
@click.argument("paths", nargs=-1, required=True)
@click.option("--recipe", help="Read sources of this recipe, through their stages; PATHS are then names of sources.")
@click.option("--set", "set_", multiple=True, metavar="NAME=VALUE", help="Change a value of the recipe.")
@click.option("--text", metavar="FIELD", help="Field that holds the text, of JSON Lines and Parquet; default text.")
@click.option("--per", type=click.Choice(["file", "line"]), default="file", help="A .txt file's documents.")
@click.option("--output", required=True, metavar="PATH", help="The model's file, such as models/en.ngrams.")
@click.option("--arpa", metavar="PATH", help="Write the model as ARPA too, for KenLM and others.")
@click.option("--replace", is_flag=True, help="Replace files of an earlier model.")
@click.option("--order", type=click.IntRange(1, 16), default=5, show_default=True, help="Words of an n-gram at most.")
@click.option(
    "--prune",
    default="0",
    show_default=True,
    metavar="N,N,...",
    help="Leave out n-grams of 1, 2, ... words that occur N times or fewer; the last N holds for all longer ones.",
)
@click.option("--min-count", type=click.IntRange(1), default=1, show_default=True, help="Rarer words are unknown.")
@click.option("--max-words", type=click.IntRange(1), default=2_000_000, show_default=True, help="The most frequent.")
@click.option("--max-ngrams", type=click.IntRange(1), default=100_000_000, show_default=True, help="Bounds memory.")
@click.option("--max-bytes", type=click.IntRange(1), help="Stop reading after so many bytes of text.")
@click.option("--normalize", type=click.Choice(["spaced", "ccnet", "none"]), default="spaced", show_default=True)
@click.option("--unit", type=click.Choice(["document", "line"]), default="document", show_default=True)
@click.option("--tokens", type=click.Choice(["words", "whitespace"]), default="words", show_default=True)
def command(paths: tuple[str, ...], **given: Any) -> None:
    """Train an n-gram language model on texts of good quality; the stage quality.perplexity applies it.

    PATHS are files, glob patterns, folders or @lists of JSON Lines, Parquet or text, compressed or not. Other formats,
    and texts as they are after extraction, are read through a recipe: PATHS name its sources, each passes its own
    stages.

    Smoothing is interpolated modified Kneser-Ney, with the probabilities of KenLM's lmplz. Tokens are words (runs of
    letters, marks and digits; single letters of scripts without spaces) and single other characters. --normalize,
    --unit and --tokens are described on the page of quality.perplexity; the model remembers them.

    The same texts in any order give the same bytes. Memory: about 60 bytes for each distinct n-gram, and 400 MB
    (57 MB of English: 22 million n-grams, 1.6 GB, 14 CPU s); --prune lowers neither. Disk, beside the output: 4 bytes
    a token and some 40 for each distinct n-gram of the longest kind while it counts.
    """
    from corpusforge.text.lm_tokens import TextForm
    from corpusforge.training.perplexity import Options, train
    from corpusforge.training.reading import Gathered, from_paths, from_recipe, read_texts

    prune = _thresholds(given["prune"])
    if given["set_"] and not given["recipe"]:
        raise RecipeError("--set changes a recipe, and there is no --recipe")
    for name in ("output", "arpa"):
        if given[name] and Path(given[name]).exists() and not given["replace"]:
            raise OutputError(f"{given[name]} exists; give --replace to replace it, or another --{name}")
    if given["recipe"]:
        sources = tuple(from_recipe(given["recipe"], name, given["set_"]) for name in paths)
    else:
        sources = from_paths("texts", paths, given["text"], given["per"])
    gathered = Gathered()

    def texts() -> Iterator[Any]:
        for source in sources:
            for batch in read_texts(source, gathered):
                yield batch.column("text")

    form = TextForm(given["normalize"], given["unit"], given["tokens"])
    numbers = {name: given[name] for name in ("order", "min_count", "max_words", "max_ngrams", "max_bytes")}
    begun = time.monotonic()
    arpa = Path(given["arpa"]) if given["arpa"] else None
    trained = train(texts(), Options(prune=prune, form=form, **numbers), Path(given["output"]), arpa)
    facts = trained.facts
    click.echo(
        f"{facts['documents']:,} documents, {facts['bytes'] / 1e6:,.1f} MB, {facts['tokens']:,} tokens, "
        f"{facts['unknown_tokens']:,} of them unknown words"
    )
    if gathered.unreadable:
        click.echo(f"left out: {gathered.unreadable} unreadable documents (first: {gathered.first_error})", err=True)
    for k, (found, kept, discounts) in enumerate(
        zip(facts["distinct_ngrams"], facts["ngrams"], facts["discounts"], strict=True), 1
    ):
        said = ", ".join(f"{d:.4f}" for d in discounts)
        click.echo(f"{k} words: {found:,} n-grams, {kept:,} in the model; discounts {said}")
    for warning in trained.warnings:
        click.echo(f"warning: {warning}", err=True)
    for path in filter(None, (Path(given["output"]), arpa)):
        click.echo(f"wrote {path} ({path.stat().st_size / 1e6:,.2f} MB)")
    click.echo(f"in {time.monotonic() - begun:.1f} s")


def _thresholds(given: str) -> tuple[int, ...]:
    try:
        found = tuple(int(part) for part in given.replace(",", " ").split())
    except ValueError:
        found = ()
    if not found or min(found) < 0 or list(found) != sorted(found):
        raise RecipeError(f"--prune must be whole numbers that do not fall, such as 0,0,1, not '{given}'")
    return found
