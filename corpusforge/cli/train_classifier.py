"""corpusforge train classifier: a fastText model that tells texts of two or more labels apart."""

import time
from typing import Any

import click

from corpusforge.errors import RecipeError


@click.command(short_help="Train a text classifier for the stage quality.classifier.")
@click.option("--positive", multiple=True, metavar="PATHS", help="Texts of the label 'positive'.")
@click.option("--negative", multiple=True, metavar="PATHS", help="Texts of the label 'negative'.")
@click.option("--label", "named", multiple=True, metavar="NAME=PATHS", help="Texts of any label; two labels or more.")
@click.option("--examples", multiple=True, metavar="PATHS", help="Texts that carry their label; see --label-column.")
@click.option("--label-column", metavar="COLUMN", help="Field that holds the label of --examples.")
@click.option("--recipe", help="Read sources of this recipe, through their stages; PATHS are then names of sources.")
@click.option("--set", "set_", multiple=True, metavar="NAME=VALUE", help="Change a value of the recipe.")
@click.option("--text", metavar="FIELD", help="Field that holds the text, of JSON Lines and Parquet; default text.")
@click.option("--per", type=click.Choice(["file", "line"]), default="file", help="A .txt file's documents.")
@click.option("--output", required=True, metavar="PATH", help="Writes PATH.bin, PATH.ftz (quantised) and PATH.json.")
@click.option("--replace", is_flag=True, help="Replace the files of an earlier model.")
@click.option("--max-examples", type=click.IntRange(1), default=100_000, show_default=True, help="For each label.")
@click.option("--balance", is_flag=True, help="As many training examples of each label as of the rarest.")
@click.option("--passage-bytes", type=click.IntRange(0), default=10_000, show_default=True, help="0: texts stay whole.")
@click.option("--held-out", type=click.FloatRange(0, 0.9), default=0.1, show_default=True, help="Share to measure on.")
@click.option("--lowercase", is_flag=True, help="Lower-case texts; quality.classifier then does so too.")
@click.option("--seed", type=click.IntRange(0, 2**31 - 1), default=0, show_default=True)
@click.option("--dim", type=click.IntRange(1), default=32, show_default=True, help="Length of the vectors.")
@click.option("--epochs", type=click.IntRange(1), help="Default 5; up to 25 for fewer than 10,000 examples.")
@click.option("--learning-rate", type=click.FloatRange(0, min_open=True), default=0.5, show_default=True)
@click.option("--word-ngrams", type=click.IntRange(1, 5), default=2, show_default=True)
@click.option("--min-count", type=click.IntRange(1), default=2, show_default=True, help="Rarer words are left out.")
@click.option("--char-ngrams", nargs=2, type=click.IntRange(0), default=(0, 0), metavar="MIN MAX", help="In words.")
@click.option("--buckets", type=click.IntRange(1), default=1 << 19, show_default=True, help="Hashed n-grams.")
@click.option("--quantize/--no-quantize", default=True, help="Write PATH.ftz too.")
def command(**given: Any) -> None:
    """Train a text classifier on texts of your own; quality.classifier applies it, quality.toxicity to sentences too.

    PATHS are files, glob patterns, folders or @lists of JSON Lines, Parquet or text, compressed or not. Other formats,
    and texts as they are after extraction and filters, are read through a recipe:

    \b
        corpusforge train classifier --recipe r.yaml --positive books --negative web --output models/quality

    A recipe's source passes its own stages, then the shared stages before a quality.classifier if there is one.

    Longer texts than --passage-bytes are cut into passages at spaces. Examples are drawn by the hash of their text and
    the seed: copies count once, a text found under two labels is left out. Held-out texts are chosen by hash too, all
    passages of a text on one side. fastText sees words between spaces, line breaks being spaces. One thread: the same
    texts and options give the same bytes. Memory: --max-examples x --passage-bytes x 2 for each label at most, and
    the model (4 bytes x --dim x words and --buckets).
    """
    from corpusforge.training.classifier import Parameters, check_output, enough_epochs, train
    from corpusforge.training.examples import Draw
    from corpusforge.training.labelled import by_label, draw_by_column, draw_by_source
    from corpusforge.training.reading import TextSource, from_paths, from_recipe

    labels = by_label(given["named"])
    for name in ("positive", "negative"):
        if given[name]:
            labels.setdefault(name, []).extend(given[name])
    _check(given, labels)
    check_output(given["output"], given["replace"])

    def sources(label: str, paths: list[str]) -> list[TextSource]:
        if given["recipe"]:
            return [from_recipe(given["recipe"], name, given["set_"]) for name in paths]
        return list(from_paths(label, paths, given["text"], given["per"]))

    begun = time.monotonic(), time.process_time()
    draw = Draw(given["max_examples"], given["passage_bytes"], given["lowercase"], given["seed"])
    if given["examples"]:
        gathered = draw_by_column(sources("examples", list(given["examples"])), given["label_column"], draw)
    else:
        gathered = draw_by_source({label: sources(label, paths) for label, paths in labels.items()}, draw)
    drawn = draw.drawn(given["held_out"], given["balance"])
    read = _seconds(begun)
    parameters = Parameters(
        dim=given["dim"],
        epoch=given["epochs"] or enough_epochs(len(drawn.train)),
        lr=given["learning_rate"],
        wordNgrams=given["word_ngrams"],
        minCount=given["min_count"],
        minn=given["char_ngrams"][0],
        maxn=given["char_ngrams"][1],
        bucket=given["buckets"],
        seed=given["seed"],
    )
    choices = {name: given[name] for name in ("max_examples", "passage_bytes", "held_out", "balance", "lowercase")}
    begun = time.monotonic(), time.process_time()
    trained = train(drawn, gathered, parameters, choices, given["output"], given["quantize"])
    for warning in trained.warnings:
        click.echo(f"warning: {warning}", err=True)
    _print(trained.card)
    click.echo(f"read in {read}; trained, quantised and measured in {_seconds(begun)}")
    for path in trained.files:
        click.echo(f"wrote {path} ({path.stat().st_size / 1e6:.2f} MB)")


def _seconds(begun: tuple[float, float]) -> str:
    return f"{time.monotonic() - begun[0]:.1f} s ({time.process_time() - begun[1]:.1f} CPU s)"


def _check(given: dict[str, Any], labels: dict[str, list[str]]) -> None:
    if bool(given["examples"]) != bool(given["label_column"]):
        raise RecipeError("--examples and --label-column belong together: the texts, and the field with their label")
    if given["examples"] and labels:
        raise RecipeError("give --examples with --label-column, or a label's texts with --label, not both")
    if not given["examples"] and len(labels) < 2:
        only = f"there is only '{next(iter(labels))}'" if labels else "there is none"
        raise RecipeError(
            f"a classifier tells labels apart, and {only}; give --positive and --negative, two or more "
            "--label NAME=PATHS, or --examples with --label-column"
        )
    if 0 < given["passage_bytes"] < 100:
        raise RecipeError("--passage-bytes is 0 (texts stay whole) or at least 100")
    shortest, longest = given["char_ngrams"]
    if shortest > longest or (longest and not shortest):
        raise RecipeError(f"--char-ngrams {shortest} {longest}: give the shortest length, then the longest")
    if given["set_"] and not given["recipe"]:
        raise RecipeError("--set changes a recipe, and there is no --recipe")


def _print(card: dict[str, Any]) -> None:
    data = card["data"]
    for label in card["labels"]:
        counts = data[label]
        click.echo(
            f"{label}: {counts['texts']} texts, {counts['passages']} passages, "
            f"{counts['train']} to train on, {counts['held_out']} held out"
        )
    if card["contradictory"]:
        click.echo(f"left out: {card['contradictory']} examples found under two labels")
    if not card["held_out"]:
        click.echo("nothing was held out, so nothing is known about its quality")
        return
    for kind, found in card["held_out"].items():
        areas = ", ".join(f"{label} {figures['auc']}" for label, figures in found["labels"].items())
        click.echo(f"held out, .{kind}: accuracy {found['accuracy']}; AUC {areas}")
    found = card["held_out"]["bin"]["labels"]
    for label in card["labels"][-1:] if len(card["labels"]) == 2 else card["labels"]:
        click.echo(f"{label}: calibration error {found[label]['calibration_error']}")
        click.echo("  min_score  precision  recall  kept")
        for row in found[label]["thresholds"]:
            cells = (row["precision"], row["recall"], row["kept_fraction"])
            shown = ["     -" if cell is None else f"{cell:6.4f}" for cell in cells]
            click.echo(f"  {row['threshold']:9.2f}  {shown[0]:>9}  {shown[1]}  {shown[2]}")
