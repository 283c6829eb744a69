"""corpusforge audit: what personal data a finished corpus still holds."""

import sys

import click

from corpusforge.errors import RecipeError
from corpusforge.registry import nearest


@click.command(short_help="What personal data a finished run still holds, before it is released.")
@click.argument("output")
@click.option(
    "--types", default="", metavar="TYPE,...", help="Types to look for; all: every one. [default: as privacy.pii]"
)
@click.option("--detectors", default="pii", show_default=True, help="A shipped detector file or a path.")
@click.option("--columns", default="text,title", show_default=True, help="Columns to scan.")
@click.option(
    "--sample", default=1.0, type=click.FloatRange(0, 1, min_open=True), help="Share of documents, by doc_id."
)
@click.option("--examples", default=3, show_default=True, type=click.IntRange(0), help="Places to show for each type.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
def command(
    output: str,
    types: str,
    detectors: str,
    columns: str,
    sample: float,
    examples: int,
    as_json: bool,
) -> None:
    """Scan the shards of the finished run in OUTPUT again, whether or not its recipe had privacy.pii.

    Shows what is left by type, with the words around it; the values themselves are masked, and so is every other digit
    near them. rejected/ is scanned too when the run kept texts there.

    Exit codes: 0 nothing of the types looked for was found; 1 something was; 2 the command is wrong or OUTPUT holds no
    finished run.
    """
    from dataclasses import asdict

    import orjson

    from corpusforge.report.audit import audit
    from corpusforge.stages.privacy.types import about_types

    known = list(about_types(detectors))
    wanted = known if types == "all" else [name for name in types.split(",") if name]
    for name in wanted:
        if name not in known:
            raise RecipeError(f"--types: there is no type '{name}' in the detector file.{nearest(name, known)}")
    result = audit(output, wanted, detectors, sample, examples, [c for c in columns.split(",") if c])
    if as_json:
        click.echo(orjson.dumps({"output": output, "sample": sample, "spans": result.spans, **asdict(result)}))
    else:
        share = f" ({sample:.3g} of {result.of_documents:,} kept)" if sample < 1 else ""
        click.echo(f"{output}: {result.documents:,} documents{share}, {result.bytes / 1e6:.1f} MB of text scanned")
        for name, left in result.left.items():
            if left.spans:
                click.echo(f"  {name}: {left.spans:,} in {left.documents:,} documents")
                for one in left.examples:
                    click.echo(f"    {one['doc_id']} {one['file']} {one['column']}: {one['context']}")
        if not result.spans:
            click.echo(f"  nothing left of {', '.join(result.left)}")
    if result.spans:
        sys.exit(1)
