"""corpusforge contamination: which evaluation items a run met."""

import click


@click.command(short_help="Which evaluation items a finished run met, and how often.")
@click.argument("output")
@click.option("--items", default=20, show_default=True, type=click.IntRange(0), help="How many items to list.")
@click.option("--json", "as_json", is_flag=True, help="All items, one JSON object a line.")
def command(output: str, items: int, as_json: bool) -> None:
    """Count, item by item, the documents of the run in OUTPUT that dedup.decontaminate rejected or cut.

    A document counts for the item it shares most with. Needs `keep_rejected` other than none for what was rejected.
    """
    import orjson

    from corpusforge.report.contamination import contamination

    found = contamination(output)
    if as_json:
        for item, rejected, cut in found.items():
            click.echo(orjson.dumps({"item": item, "rejected": rejected, "cut": cut}))
        return
    for file, met, rejected, cut in found.files():
        click.echo(f"{file}: {met:,} items met; {rejected:,} documents rejected, {cut:,} cut")
    for item, rejected, cut in list(found.items())[:items]:
        click.echo(f"  {item}  {rejected + cut:,}")
    if not found.files():
        click.echo(f"{output}: no evaluation item was met")
