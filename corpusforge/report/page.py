"""report.html: the figures of a run as one file that opens without network."""

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from corpusforge.engine.samples import mask
from corpusforge.engine.storage import StoredPath, write_whole
from corpusforge.report.charts import histogram
from corpusforge.report.distributions import Distribution
from corpusforge.report.figures import figures
from corpusforge.report.losses import BOXES, box_of
from corpusforge.report.personal import said as done
from corpusforge.report.reasons import by_reason

NAME = "report.html"
MOST_CHARTS = 24  # 6 kB and 0.06 s each
MOST_ROWS = 20  # of languages and domains
FULL_SAMPLES = 40  # reasons shown with all their samples; later ones, the rarest, with FEW
FEW = 3
SNIPPET_CHARS = 400
NO_TEXT = "No text: the document left before a text was taken from it, or the run kept none."
WARC = ("warcinfo", "response", "resource", "request", "metadata", "revisit", "conversion", "continuation")
UNITS = ("B", "kB", "MB", "GB", "TB", "PB")


def write(output: StoredPath) -> StoredPath:
    """Write report.html of the finished run in `output` and return its path; OutputError when there is no run."""
    path = output / NAME
    write_whole(path, page(figures(output)).encode())
    return path


def page(given: dict[str, Any]) -> str:
    """Return the HTML of what `figures` returned."""
    from jinja2 import Environment, PackageLoader, StrictUndefined
    from markupsafe import Markup, escape

    environment = Environment(
        loader=PackageLoader("corpusforge.report"), autoescape=True, undefined=StrictUndefined, trim_blocks=True
    )
    filters = {
        "n": lambda x: f"{x:,}",
        "p": percent,
        "size": size,
        "seconds": seconds,
        "broken": lambda x: Markup(str(escape(x)).replace("_", "_<wbr>")),
        "change": change,
        "done": done,
    }
    environment.filters.update(filters)
    manifest = given["manifest"]
    samples = _samples(given["samples"])
    charts = [chart for one in given["distributions"] if (chart := _chart(one, Markup))]
    return environment.get_template("report.html").render(
        **_safe(given),
        name=Path(given["output"]).name,
        documents=manifest["documents"],
        stages=_stages(given),
        reasons=by_reason(given["losses"]),
        html_bytes=_html_bytes(given),
        uncounted=_uncounted(manifest["skipped"]),
        boxes=_boxes(given),
        charts=charts[:MOST_CHARTS],
        charts_left=len(charts) - len(charts[:MOST_CHARTS]),
        samples=samples,
        links={group["reason"]: group["id"] for group in reversed(samples)},
        most=MOST_ROWS,
        no_text=NO_TEXT,
    )


def _safe(given: dict[str, Any]) -> dict[str, Any]:
    # Paths and recipes may hold an address too.
    inputs = given["inputs"]
    paths = mask([entry["path"] for entry in inputs["largest"]])
    largest = [{**entry, "path": path} for entry, path in zip(inputs["largest"], paths, strict=True)]
    recipe, output = mask([given["recipe"], given["output"]])
    masked = {**given, "inputs": {**inputs, "largest": largest}, "recipe": recipe, "output": output}
    return {name: masked[name] for name in masked if name not in ("boxes", "samples", "distributions")}


def _stages(given: Mapping[str, Any]) -> list[dict[str, Any]]:
    rows = []
    stages = given["manifest"]["stages"]
    for place, (stage, title, came) in enumerate(zip(stages, given["titles"], bytes_in(stages), strict=True)):
        mine = [loss for loss in given["losses"] if loss["place"] == place]
        speed = rate(came, stage["seconds"])
        counts = {name: stage[name] for name in ("read", "kept", "bytes", "seconds")}
        counts["gone"] = sum(loss["documents"] for loss in mine)
        rows.append({"title": title, **counts, "speed": speed, "reasons": mine, "lost": bool(mine)})
    return rows


def bytes_in(stages: Sequence[Mapping[str, Any]]) -> list[int]:
    """Return the bytes that each stage of a manifest was given: what the one before left of its sources.

    A reader, and a source that no stage has had before, counts with what it leaves.

    >>> bytes_in([{"sources": {"web": {"bytes": 90}}}, {"sources": {"web": {"bytes": 5}, "wiki": {"bytes": 2}}}])
    [90, 92]
    """
    left: dict[str, int] = {}
    found = []
    for stage in stages:
        now = {source: int(counts["bytes"]) for source, counts in stage["sources"].items()}
        found.append(sum(left.get(source, size) for source, size in now.items()))
        left |= now
    return found


def _html_bytes(given: Mapping[str, Any]) -> int:
    # Of what the readers read, the bytes that a stage for pages made text of.
    stages = given["manifest"]["stages"]
    pages = {source for stage in stages if stage["name"] == "extract.html" for source in stage["sources"]}
    return sum(s["bytes"] for s in stages if box_of(s["name"]) == BOXES[0][0] and pages & set(s["sources"]))


def _uncounted(skipped: Mapping[str, int]) -> list[str]:
    return [
        f"{count:,} {kinds(kind, count)}" for kind, count in sorted(skipped.items(), key=lambda kv: (-kv[1], kv[0]))
    ]


def _boxes(given: Mapping[str, Any]) -> list[dict[str, Any]]:
    names = [box_of(stage["name"]) for stage in given["manifest"]["stages"]]
    boxes = []
    for box in given["boxes"]:
        mine = [loss for loss in given["losses"] if names[loss["place"]] == box["name"]]
        reasons = by_reason(mine)
        boxes.append({**box, "reasons": reasons})
    readers = [s for s, n in zip(given["manifest"]["stages"], names, strict=True) if n == given["boxes"][0]["name"]]
    boxes[0]["bytes_in"] = sum(stage["bytes"] for stage in readers)
    return boxes


def _chart(one: Distribution, markup: Any) -> dict[str, Any] | None:
    drawn = one.histogram()
    if drawn is None:
        return None
    low, high = (math.nan if bound is None else bound for bound in (one.min, one.max))
    said = " ".join(f"{name} {bound:g}" for name, bound in (("min", one.min), ("max", one.max)) if bound is not None)
    said += f", by {one.by}" if one.by else ""
    said += f" ({', '.join(f'{bound:g}' for bound in drawn['off'])} is off the chart)" if drawn["off"] else ""
    label = f"{one.signal} of {one.title}"
    return {
        "svg": markup(histogram(drawn["edges"], drawn["counts"], drawn["scale"], (low, high), label)),
        "signal": one.signal,
        "log": drawn["scale"] == "log",
        "title": one.title,
        "said": said,
        "rejected": one.rejected,
        "documents": drawn["documents"],
    }


def _samples(groups: list[dict[str, Any]]) -> list[dict[str, Any]]:
    shown = []
    for number, group in enumerate(groups):
        rows = group["rows"] if number < FULL_SAMPLES else group["rows"][:FEW]
        cut = [{**row, "text": shortened(row["text"])} for row in rows]
        shown.append({**group, "rows": cut, "id": f"samples-{number}"})
    return shown


def shortened(text: str | None) -> str | None:
    """Return the beginning of a text."""
    return f"{text[:SNIPPET_CHARS]} …" if text and len(text) > SNIPPET_CHARS else text


def kinds(kind: str, count: int) -> str:
    """Return what a reader passed over in words.

    >>> kinds("request", 373), kinds("directory", 2), kinds("binary_file", 1)
    ('WARC request records', 'directories', 'binary file')
    """
    if kind in WARC or kind == "filedesc":
        said = f"{'ARC' if kind == 'filedesc' else 'WARC'} {kind} record"
    else:
        said = kind.replace("_", " ")
    return said if count == 1 else f"{said[:-1]}ies" if said.endswith("y") else said if said[-1] == "l" else f"{said}s"


def rate(count: int, time: float) -> str:
    """Return megabytes per second; a dash for times too short to say.

    >>> rate(14_200_000, 1.0), rate(113_000_000, 0.02), rate(1, 0.001)
    ('14', '5,650', '–')
    """
    speed = count / 1e6 / time if time >= 0.005 else None
    return "–" if speed is None else f"{speed:,.0f}" if speed >= 10 else f"{speed:.2f}"


def percent(share: float) -> str:
    """Return a fraction in per cent; never 0 % or 100 % of what is not quite.

    >>> percent(0.20621), percent(0.00001), percent(0.99999), percent(0), percent(1)
    ('20.6 %', '< 0.1 %', '> 99.9 %', '0 %', '100 %')
    """
    if share in (0, 1):
        return f"{share:.0%}".replace("%", " %")
    return "< 0.1 %" if share < 0.001 else "> 99.9 %" if 0.999 < share < 1 else f"{100 * share:.1f} %"


def size(count: float | None) -> str:
    """Return bytes in the largest unit that leaves a number of 1 or more.

    >>> size(151738907), size(999), size(None)
    ('152 MB', '999 B', 'unknown')
    """
    if count is None:
        return "unknown"
    power = min(len(UNITS) - 1, int(math.log(max(abs(count), 1), 1000) + 1e-9))
    return f"{count / 1000**power:.3g} {UNITS[power]}"


def change(lost: int) -> str:
    """Return bytes lost, or gained, in words.

    >>> change(1500), change(-20)
    ('−1.5 kB', '+20 B')
    """
    return ("−" if lost > 0 else "+") + size(abs(lost))


def seconds(count: float) -> str:
    """Return a time.

    >>> seconds(0.004), seconds(37.7), seconds(5000)
    ('0.00 s', '37.7 s', '1 h 23 min')
    """
    if count < 10:
        return f"{count:.2f} s"
    if count < 120:
        return f"{count:.1f} s"
    hours, minutes = divmod(round(count / 60), 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min"
