"""corpusforge run: run a recipe, or continue it."""

from typing import Literal

import click

from corpusforge.checks import check
from corpusforge.cli import exit_code, said
from corpusforge.cli.names import Name
from corpusforge.errors import CorpusforgeError, RecipeError, RunError
from corpusforge.recipe import load, with_runtime_env

PROGRESS = (
    "How to show progress; json: one object a line on standard error. auto: a live view on a terminal, else lines."
)

RUNTIME_ENV = "YAML file with Ray's runtime_env for workers (pip, py_modules, env_vars); as run.ray.runtime_env."


@click.command(short_help="Run a recipe, or continue an earlier run of it.")
@click.argument("recipe", type=Name("recipes"))
@click.option("--set", "set_", multiple=True, metavar="NAME=VALUE", help="Change a value, e.g. vars.output=out/x.")
@click.option("--output", metavar="PATH", help="Output folder; the `path` of the recipe's writer.")
@click.option("--limit", type=click.IntRange(1), help="First N documents of each source, into an output of its own.")
@click.option("--sample", type=click.FloatRange(0, 1, min_open=True), help="Share of documents, by hash of the doc_id.")
@click.option("--workers", metavar="N|auto", help="Worker processes; 1 never starts Ray.")
@click.option("--address", metavar="ADDRESS", help="Ray cluster, such as auto or ray://host:10001.")
@click.option("--runtime-env", type=click.Path(exists=True, dir_okay=False), metavar="FILE", help=RUNTIME_ENV)
@click.option("--replace", is_flag=True, help="Replace an output that another recipe finished.")
@click.option("--fresh", is_flag=True, help="Ignore all earlier work.")
@click.option("--progress", "mode", type=click.Choice(["auto", "plain", "json", "none"]), default="auto", help=PROGRESS)
@click.option("--expect", is_flag=True, help="Fail unless the counts are those that the recipe expects.")
def command(
    recipe: str,
    set_: tuple[str, ...],
    output: str | None,
    limit: int | None,
    sample: float | None,
    workers: str | None,
    address: str | None,
    runtime_env: str | None,
    replace: bool,
    fresh: bool,
    mode: Literal["auto", "plain", "json", "none"],
    expect: bool,
) -> None:
    """Run RECIPE (a path, or the name of a shipped one) to completion.

    Running the same command again continues where an earlier run stopped.
    """
    from corpusforge.cli.progress import progress
    from corpusforge.engine.run import run
    from corpusforge.report import page
    from corpusforge.report.funnel import funnel

    changes = list(set_)
    if output:
        changes.append(f"output={output}")
    if workers:
        changes.append(f"run.workers={workers}")
    shown = progress(mode)
    try:
        pipeline = load(recipe, changes, limit=limit, sample=sample)
        if runtime_env:
            pipeline = with_runtime_env(pipeline, runtime_env)
        if expect and pipeline.expect is None:
            raise RecipeError("--expect: the recipe has no 'expect'", pipeline.where)
        for warning in check(pipeline):
            shown.line(f"warning: {warning}")
        outcome = run(pipeline, address=address, replace=replace, fresh=fresh, progress=shown)
        if expect and pipeline.expect and (differences := pipeline.expect.differences(outcome.manifest)):
            funnel(outcome.manifest, outcome.path)
            raise RunError(f"{recipe} expects other counts: {'; '.join(differences)}")
    except (CorpusforgeError, OSError) as error:
        shown.end(said(error))
        if mode == "json":  # which has said it
            raise click.exceptions.Exit(exit_code(error)) from error
        raise
    except BaseException as error:
        shown.end(str(error) or "stopped")
        raise
    shown.end()
    funnel(outcome.manifest, outcome.path)
    if not (outcome.already_complete and (outcome.path / page.NAME).is_file()):
        page.write(outcome.path)
    click.echo(f"report: {outcome.path / page.NAME}")
