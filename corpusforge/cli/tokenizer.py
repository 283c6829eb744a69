"""corpusforge tokenizer: how well tokenizers fit texts."""

from pathlib import Path

import click

from corpusforge.errors import RecipeError


@click.command(short_help="Fertility and compression of tokenizers, by source and language.")
@click.argument("tokenizer")
@click.option("--texts", multiple=True, help="Parquet files or finished runs to measure on; default: TOKENIZER's run.")
@click.option("--compare", multiple=True, help="Other tokenizers to measure on the same texts; may be repeated.")
@click.option("--pattern", help="How rank files cut texts: cl100k_base, o200k_base, gpt2, ..., or an expression.")
@click.option("--max-bytes", type=click.IntRange(1), help="Text to take of each of --texts, from its beginning.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object for each tokenizer, source and language.")
def command(
    tokenizer: str,
    texts: tuple[str, ...],
    compare: tuple[str, ...],
    pattern: str | None,
    max_bytes: int | None,
    as_json: bool,
) -> None:
    """Measure TOKENIZER, a file or the finished run that trained one, on texts, beside others.

    Tokens per word (between white space), bytes per token, and the fraction of unknown tokens.
    """
    import orjson

    from corpusforge.report.tokenizer import fits, totals

    run = Path(tokenizer)
    if run.is_dir():
        trained = sorted(path for path in (run / "tokenizer").glob("*") if not path.name.endswith(".report.json"))
        if not trained:
            raise RecipeError(f"'{tokenizer}' trained no tokenizer; give the path of one and the texts with --texts")
        files = [str(path) for path in trained]
        texts = texts or (tokenizer,)
        for path in trained if not as_json else []:
            report = path.with_suffix(".report.json")
            if report.is_file():
                said = orjson.loads(report.read_bytes())
                click.echo(
                    f"{path}: trained on {said['words']:,} distinct words, {said['occurrences']:,} in all; "
                    f"left out {said['words_left_out']:,} ({said['occurrences_left_out']:,} in all)"
                )
    else:
        files = [tokenizer]
    if not texts:
        raise RecipeError("say on which texts to measure: --texts FILE.parquet or a finished run")
    found = fits([*files, *compare], texts, pattern, max_bytes)
    if as_json:
        for one, groups in found.items():
            for (source, language), one_fit in sorted(groups.items()):
                row = {"tokenizer": one, "source": source, "language": language, **vars(one_fit), **one_fit.ratios()}
                click.echo(orjson.dumps(row))
        return
    for heading, by in (("all", None), ("source", 0), ("language", 1)):
        sums = {one: totals(groups, by) for one, groups in found.items()}
        names = list(sums[files[0]])
        if by is not None and names == ["-"]:
            continue
        click.echo(f"\n{heading:24} {'documents':>10} {'MB':>8}  tokens/word  bytes/token   unknown  tokenizer")
        for name in names:
            for one in found:
                fit = sums[one][name]
                ratios = [value if value is not None else 0.0 for value in fit.ratios().values()]
                size = f"{fit.documents:>10,} {fit.bytes / 1e6:>8.2f}"
                shown = f"{ratios[0]:>11.3f}  {ratios[1]:>11.3f}  {ratios[2]:>8.5f}"
                click.echo(f"{name[:24]:24} {size}  {shown}  {one}")
