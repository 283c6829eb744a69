"""corpusforge check: everything that can be known before a run."""

import os
from pathlib import Path
from typing import TYPE_CHECKING

import click

from corpusforge.checks import check
from corpusforge.cli.names import Name
from corpusforge.engine.memory import fitted, memory_line
from corpusforge.engine.plan import Plan, plan
from corpusforge.engine.storage import stored_path
from corpusforge.recipe import load

if TYPE_CHECKING:
    from corpusforge.engine.costs import Estimate


@click.command(short_help="Check a recipe and print its plan and cost, or check a rule pack; nothing is run.")
@click.argument("recipe", type=Name("recipes", "packs"))
@click.option("--set", "set_", multiple=True, metavar="NAME=VALUE", help="Change a value, e.g. vars.output=out/x.")
@click.option("--like", metavar="OUTPUT", help="Estimate by what the finished run in OUTPUT measured.")
def command(recipe: str, set_: tuple[str, ...], like: str | None) -> None:
    """Check RECIPE: names, fields, columns, files and models; then print inputs, segments, exchanges and what a run
    will cost. Where its output exists, say what would be done again. A rule pack is checked by its own examples.
    """
    if (pack := _pack(recipe)) is not None:
        _check_pack(pack)
        return
    pipeline = load(recipe, set_)
    for warning in check(pipeline):
        click.echo(f"warning: {warning}", err=True)
    asked = pipeline.options.workers
    workers = asked if isinstance(asked, int) else os.cpu_count() or 1
    planned = fitted(plan(pipeline), workers)
    for line in planned.lines():
        click.echo(line)
    click.echo(memory_line(planned, workers))
    costs = _estimate(planned, like)
    click.echo(_cost(planned, costs, like))
    click.echo(f"output: {pipeline.writer.path}")
    for line in _existing(planned, costs):
        click.echo(line)


def _estimate(planned: Plan, like: str | None) -> "Estimate":
    from corpusforge.engine.costs import estimate

    if like is None:
        return estimate(planned)
    from corpusforge.report.lookup import read_manifest

    return estimate(planned, read_manifest(stored_path(like)))


def _cost(planned: Plan, costs: "Estimate", like: str | None) -> str:
    from corpusforge.cli.progress import clock

    asked = planned.pipeline.options.workers
    workers = asked if isinstance(asked, int) else os.cpu_count() or 1
    least, most = costs.range
    size = sum(file.size for file in planned.inputs) / 1e6
    if most < 1:
        return f"cost: less than a second of CPU for {size:,.3f} MB of input, and a few to start"
    said = f"cost: {clock(least)} to {clock(most)} of CPU for {size:,.1f} MB of input"
    said += f", by the costs of {like}" if like else ", by costs measured on other data"
    if workers > 1:
        said += f"; with {workers} workers at best {clock(least / workers)} to {clock(most / workers)}"
    names = [name for name, seconds in costs.largest if seconds > 0.1 * costs.seconds]
    return said + (f". Most of it: {', '.join(names)}" if names else "")


def _existing(planned: Plan, costs: "Estimate") -> list[str]:
    """Say what a run would make of an output that is there."""
    from corpusforge.cli.progress import clock
    from corpusforge.engine import run as runs
    from corpusforge.engine.ledger_lines import lines_in
    from corpusforge.engine.redo import redo
    from corpusforge.errors import OutputError

    pipeline = planned.pipeline
    output, work = runs.folders(pipeline)
    lines = []
    try:
        earlier = runs.earlier_manifest(output, pipeline, replace=False)
        if earlier is not None and runs.same_inputs(planned, earlier):
            return ["the output is complete: a run would only verify it"]
        if earlier is not None:
            lines.append("the output was finished from other inputs, or from inputs that have changed since")
    except OutputError as error:
        lines.append(str(error))
    if not lines_in(work).exists:
        gone = "nothing of it can be used again: intermediates go when a run ends well (run.keep_work: true keeps them)"
        return [*lines, gone] if lines else []
    todo = redo(planned, work, costs)
    least, most = (todo.seconds * spread for spread in costs.spread)
    if not todo.phase:
        said = "all work is done; only the output is to be written"
    elif todo.splits:
        said = f"{todo.missing:,} of {todo.splits:,} splits to do in {todo.phase}, then at most all that follows"
    else:
        said = f"to do: {todo.phase}, and at most all that follows"
    return [*lines, f"{said}; {clock(least)} to {clock(most)} of CPU"]


def _pack(name: str) -> Path | None:
    """Return the file of a rule pack, None for anything else."""
    from corpusforge.registry import shipped

    path = next((p for p in (Path(name), shipped("filters") / f"{name}.yaml") if p.is_file()), None)
    if path is None or (shipped("pipelines") / f"{name}.yaml").is_file():
        return None
    words = {line.partition(":")[0] for line in path.read_text(encoding="utf-8", errors="replace").splitlines()}
    return path if "about" in words and words & {"rules", "lines", "edits"} else None


def _check_pack(path: Path) -> None:
    from corpusforge import rules
    from corpusforge.errors import RecipeError
    from corpusforge.testing import failing_examples

    pack = rules.load(str(path))
    if failures := failing_examples(pack):
        raise RecipeError("; ".join(failures), str(path))
    shown = {example.reason for example in pack.examples}
    for reason in pack.reasons():
        if reason not in shown:
            click.echo(f"warning: no example shows {reason}", err=True)
    rules_ = f"{len(pack.rules)} rules" + (", edits texts" if pack.edits_text else "")
    click.echo(f"{pack.name}: {rules_}, {len(pack.examples)} examples, all as they say")
