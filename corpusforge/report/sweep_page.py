"""The page of a sweep: two charts and the figures, in one HTML file that opens without network."""

import io
import re
from typing import Any

# Colours that matplotlib writes into the SVG, and the properties of the page's style sheet that take their place.
INK, FAINT, KEPT, GAINED, LOST, BOUND = "#010101", "#020202", "#030303", "#040404", "#050505", "#060606"
PROPERTIES = {INK: "--ink", FAINT: "--line", KEPT: "--kept", GAINED: "--gained", LOST: "--lost", BOUND: "--bound"}
DASHES = ("-", "--", ":", "-.")  # sources are told apart without colour
MOST_SOURCES = 4  # with a line of their own; the table has all of them


def page(figures: dict[str, Any]) -> str:
    """Return the HTML of a sweep's figures (`Curve.figures`)."""
    from jinja2 import Environment, PackageLoader, StrictUndefined

    loader = PackageLoader("corpusforge.report")
    environment = Environment(loader=loader, autoescape=True, undefined=StrictUndefined, trim_blocks=True)
    environment.filters["number"] = lambda value: f"{value:g}"
    template = environment.get_template("sweep.html")
    return template.render(**figures, kept_chart=_kept(figures), moved_chart=_moved(figures))


def _kept(figures: dict[str, Any]) -> str:
    values = [point["value"] for point in figures["points"]]
    figure, axes = _axes(figures)
    shares = [_share(point["kept"], figures["documents"]) for point in figures["points"]]
    axes.plot(values, shares, color=KEPT, linewidth=2.2, label="all" if len(figures["sources"]) > 1 else "kept")
    largest = sorted(figures["sources"], key=lambda source: -figures["sources"][source])[:MOST_SOURCES]
    for source, dash in zip(largest if len(figures["sources"]) > 1 else [], DASHES, strict=False):
        mine = [_share(p["sources"][source]["kept"], figures["sources"][source]) for p in figures["points"]]
        axes.plot(values, mine, color=INK, linewidth=1.1, linestyle=dash, label=source)
    axes.set_ylabel("kept, %")
    figure.legend(loc="outside upper center", ncols=6, frameon=False, labelcolor=INK)
    return _svg(figure)


def _moved(figures: dict[str, Any]) -> str:
    values = [point["value"] for point in figures["points"]]
    figure, axes = _axes(figures)
    axes.plot(values, [point["gained"] for point in figures["points"]], color=GAINED, linewidth=2, label="gained")
    axes.plot(values, [point["lost"] for point in figures["points"]], color=LOST, linewidth=2, label="lost")
    axes.set_ylim(bottom=0)
    axes.set_ylabel("documents")
    figure.legend(loc="outside upper center", ncols=6, frameon=False, labelcolor=INK)
    return _svg(figure)


def _axes(figures: dict[str, Any]) -> Any:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(6.5, 2.9), layout="constrained")
    axes = figure.add_subplot()
    figure.patch.set_alpha(0)
    axes.patch.set_alpha(0)
    axes.set_xlabel(figures["sweep"], color=INK)
    axes.yaxis.label.set_color(INK)
    axes.tick_params(colors=INK)
    axes.grid(color=FAINT, linewidth=0.6)
    for side, spine in axes.spines.items():
        spine.set_visible(side in ("left", "bottom"))
        spine.set_color(INK)
    values = [point["value"] for point in figures["points"]]
    for bound in figures["current"]:
        if values[0] <= bound <= values[-1]:
            axes.axvline(bound, color=BOUND, linewidth=1.6, label="the run")
    return figure, axes


def _svg(figure: Any) -> str:
    import matplotlib

    out = io.StringIO()
    # A fixed salt and no date: equal figures give equal pages. Words stay words, in the fonts of the reader.
    with matplotlib.rc_context({"svg.fonttype": "none", "svg.hashsalt": "corpusforge", "font.family": "sans-serif"}):
        figure.savefig(out, format="svg", metadata={"Date": None, "Creator": None})
    svg = out.getvalue()
    svg = re.sub(r"<metadata>.*?</metadata>", "", svg[svg.index("<svg") :], flags=re.DOTALL)
    for colour, name in PROPERTIES.items():
        svg = svg.replace(colour, f"var({name})")
    return svg


def _share(kept: int, documents: int) -> float:
    return 100 * kept / documents if documents else 0.0
