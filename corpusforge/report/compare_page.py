"""The page of a comparison, one HTML file that opens without network."""

from typing import Any

from corpusforge.engine.samples import mask


def page(figures: dict[str, Any]) -> str:
    """Return the HTML of what `compare` returned; URLs and origins with personal data masked."""
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader("corpusforge.report"), autoescape=True, undefined=StrictUndefined, trim_blocks=True
    )
    environment.filters["n"] = lambda number: f"{number:,}"
    environment.filters["change"] = lambda number: f"{number:+,}" if number else ""
    places = [one for move in figures["moves"] for one in move["samples"]]
    for one, shown in zip(places, mask([p.get("url") or p.get("origin") or "" for p in places]), strict=True):
        one["shown"] = shown
    return environment.get_template("compare.html").render(**figures)
