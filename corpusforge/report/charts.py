"""Charts of the report as SVG that takes its colours from the page's style sheet, light and dark."""

import io
import re
from collections.abc import Sequence
from typing import Any

# Colours that matplotlib writes into the SVG, and the properties of the page that take their place.
INK, FAINT, KEPT, LOST = "#010101", "#020202", "#030303", "#050505"
LEAST = 0.02  # of the height of a chart: a bar of one document is 2 px high
MOST_MARKS = 5
PROPERTIES = {INK: "--ink", FAINT: "--line", KEPT: "--kept", LOST: "--lost"}


def histogram(edges: Sequence[float], counts: Sequence[int], scale: str, bounds: Sequence[float], label: str) -> str:
    """Return a histogram as SVG; bins outside `bounds` (min, max; nan: none) have the colour of what is lost."""
    import numpy as np
    from matplotlib.figure import Figure
    from matplotlib.ticker import EngFormatter, MaxNLocator

    figure = Figure(figsize=(4.0, 1.75))  # with a layout engine a chart takes twice the time
    figure.subplots_adjust(left=0.11, right=0.94, top=0.97, bottom=0.16)
    axes = figure.add_subplot()
    figure.patch.set_alpha(0)
    axes.patch.set_visible(False)
    low, high = (np.nan_to_num(b, nan=x) for b, x in zip(bounds, (-np.inf, np.inf), strict=True))
    heights, ends = np.asarray(counts, float), np.asarray(edges)
    outside = (ends[1:] <= low) | (ends[:-1] > high)  # a bound is the end of a bin
    drawn = np.log1p(ends) if scale == "log" else ends
    top = max(heights.max(), 1) * 1.05
    shown = np.where(heights > 0, np.maximum(heights, top * LEAST), 0)
    for colour, chosen in ((KEPT, ~outside), (LOST, outside)):
        # One path for all bars of a colour: 1 kB, where a bar of its own each takes 12.
        axes.stairs(np.where(chosen, shown, 0), drawn, fill=True, color=colour, linewidth=0)
    for bound in (low, high):
        if ends[0] <= bound <= ends[-1]:
            axes.axvline(np.log1p(bound) if scale == "log" else bound, color=INK, linewidth=1.4, linestyle=(0, (4, 2)))
    axes.set_xlim(drawn[0], drawn[-1])
    axes.set_ylim(0, top)
    axes.yaxis.set_major_locator(MaxNLocator(3, integer=True))
    axes.yaxis.set_major_formatter(EngFormatter(sep=""))
    if scale == "log":
        marks = _powers(float(ends[0]), float(ends[-1]))
        axes.set_xticks(np.log1p(marks), [EngFormatter(sep="")(mark) for mark in marks])
    else:
        axes.xaxis.set_major_locator(MaxNLocator(5))
        if ends[-1] >= 1000:
            axes.xaxis.set_major_formatter(EngFormatter(sep=""))
    axes.tick_params(colors=INK, labelsize=9, length=3)
    axes.grid(axis="y", color=FAINT, linewidth=0.6)
    axes.set_axisbelow(True)
    for side, spine in axes.spines.items():
        spine.set_visible(side in ("left", "bottom"))
        spine.set_color(FAINT)
    return svg(figure, label)


def _powers(low: float, high: float) -> list[float]:
    # 0 and powers of ten, of which at most MOST_MARKS can stand beside each other.
    powers = [10.0**n for n in range(16) if low <= 10.0**n <= high]
    step = -(-len(powers) // MOST_MARKS) or 1
    return ([0.0] if low <= 0 else []) + powers[step - 1 :: step] if powers else [low, high]


def svg(figure: Any, label: str) -> str:
    """Return a matplotlib figure as an SVG element that a screen reader calls `label`; equal figures, equal bytes."""
    import matplotlib
    from markupsafe import escape

    out = io.StringIO()
    # Words stay words, in the fonts of the reader; a fixed salt and no date.
    with matplotlib.rc_context({"svg.fonttype": "none", "svg.hashsalt": label, "font.family": "sans-serif"}):
        figure.savefig(out, format="svg", metadata={"Date": None, "Creator": None})
    text = out.getvalue()
    text = re.sub(
        r"<metadata>.*?</metadata>|<!--.*?-->|<style.*?</style>", "", text[text.index("<svg") :], flags=re.DOTALL
    )
    text = re.sub(r">\s+<", "><", text)
    text = re.sub(r"font-family: [^;]*;", "", re.sub(r'<g id="[^"]*">', "<g>", text))  # of 10 kB a chart these were 4
    for colour, name in PROPERTIES.items():
        text = text.replace(colour, f"var({name})")
    return text.replace("<svg", f'<svg role="img" aria-label="{escape(label)}"', 1)
