"""A dataset card of a finished run: Markdown with the metadata header that the Hugging Face hub reads."""

import io
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import pyarrow as pa
from ruamel.yaml import YAML

from corpusforge import registry
from corpusforge.engine.storage import StoredPath
from corpusforge.errors import RecipeError
from corpusforge.report.docstring import sections, summary
from corpusforge.report.figures import figures, written
from corpusforge.report.lookup import parquet
from corpusforge.report.sampled_rows import SampledRows
from corpusforge.report.shares import UNKNOWN

NAME = "README.md"
# The hub's size categories: an upper bound in documents, and the name of what lies below it.
SIZES = ((10**3, "n<1K"), (10**4, "1K<n<10K"), (10**5, "10K<n<100K"), (10**6, "100K<n<1M"), (10**7, "1M<n<10M"),
         (10**8, "10M<n<100M"), (10**9, "100M<n<1B"), (10**10, "1B<n<10B"), (10**11, "10B<n<100B"),
         (10**12, "100B<n<1T"))  # fmt: skip
LISTED_LANGUAGES = 0.001  # share of the documents from which on a language is named in the header
MOST_LICENCES = 15  # in the table of a source
UNSTATED = "not stated"
UNNAMED = "not named by the files"  # packed sequences and other formats
LIMITS = (
    "Rules, language identification and duplicate detection err in both directions; report.html shows samples.",
    "Personal data is found by patterns: e-mail addresses, numbers and keys; not names, nor what is told of people.",
    "Licences are those that the inputs state or their archives hold; nobody has checked them.",
)


def card(output: StoredPath) -> str:
    """Return the card of the finished run in `output`; OutputError when there is none."""
    from jinja2 import Environment, PackageLoader, StrictUndefined

    given = figures(output)
    manifest = given["manifest"]
    licences = _licences(output, manifest)
    held_out = manifest["written"].get("validation", {"tokens": 0})
    environment = Environment(
        loader=PackageLoader("corpusforge.report"), undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters.update({"n": lambda x: f"{x:,}", "md": markdown, "share": lambda x: f"{100 * x:.1f} %"})
    return environment.get_template("card.md").render(
        header=_yaml(_header(output, given)),
        name=markdown(output.absolute().name),
        manifest=manifest,
        documents=manifest["documents"],
        sources=_sources(given, licences),
        steps=_steps(given),
        languages=[row for row in given["languages"] if row["kept"]][:20],
        listed=sum(row["kept"] for row in given["languages"]),  # not what was kept: a mix repeats and leaves out
        losses=given["losses"],
        personal=given["personal"],
        limits=[*LIMITS, *_limits(given)],
        tokens=manifest["written"]["tokens"] + held_out["tokens"],
    )


def markdown(text: object) -> str:
    """Return a text as one line of Markdown that neither ends a cell nor is taken for HTML or markup.

    >>> markdown("a|b <i>*x*")
    'a\\\\|b &lt;i&gt;\\\\*x\\\\*'
    """
    escaped = str(text).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return re.sub(r"\s+", " ", re.sub(r"([\\`*_\[\]|])", r"\\\1", escaped)).strip()


def _yaml(header: Mapping[str, Any]) -> str:
    yaml, out = YAML(typ="safe", pure=True), io.StringIO()
    yaml.default_flow_style = False
    yaml.sort_base_mapping_type_on_output = False  # type: ignore[assignment]
    yaml.dump(dict(header), out)
    # The hub reads YAML 1.1, in which the code of Norwegian is false.
    return re.sub(r"^- (no|on|off|yes|y|n)$", r"- '\1'", out.getvalue().strip(), flags=re.MULTILINE)


def _header(output: StoredPath, given: Mapping[str, Any]) -> dict[str, Any]:
    kept = given["manifest"]["documents"]["kept"]
    least = LISTED_LANGUAGES * sum(row["kept"] for row in given["languages"])
    known = [row for row in given["languages"] if row["name"] != UNKNOWN and row["kept"] > least]
    stated = {(name or UNSTATED).lower() for name in written(given["manifest"], "license")}
    one = next(iter(stated)) if len(stated) == 1 and UNSTATED not in stated else ""
    header: dict[str, Any] = {
        "pretty_name": output.absolute().name,
        "language": sorted(row["name"] for row in known),
        "license": one if re.fullmatch(r"[a-z0-9.+-]+", one) else "other",
        "size_categories": [next((name for top, name in SIZES if kept < top), "n>1T")],
        "task_categories": ["text-generation"],
        "tags": ["pretraining", "corpusforge"],
    }
    parts = {"train": given["manifest"]["shards"], "validation": given["manifest"].get("validation") or []}
    files = {split: [p for p in shards if p["path"].endswith(".parquet")] for split, shards in parts.items()}
    if files["train"]:
        present = {split: shards for split, shards in files.items() if shards}
        patterns = [
            {"split": split, "path": _pattern([part["path"] for part in shards])} for split, shards in present.items()
        ]
        header["configs"] = [{"config_name": "default", "data_files": patterns}]
        header["dataset_info"] = {
            "features": _features(parquet(output / files["train"][0]["path"]).schema_arrow),
            "splits": [
                {
                    "name": split,
                    "num_bytes": sum(part["bytes"] for part in shards),
                    "num_examples": sum(part.get("sequences", part["documents"]) for part in shards),
                }
                for split, shards in present.items()
            ],
            "download_size": sum(part["size"] for shards in present.values() for part in shards),
            "dataset_size": sum(part["bytes"] for shards in present.values() for part in shards),
        }
    return {name: value for name, value in header.items() if value != []}


def _pattern(paths: Sequence[str]) -> str:
    folder = paths[0].partition("/")[0]
    return f"{folder}/**/*.parquet" if any(path.count("/") > 1 for path in paths) else f"{folder}/*.parquet"


def _features(schema: pa.Schema) -> list[dict[str, Any]]:
    return [{"name": field.name, **_dtype(field.type)} for field in schema]


def _dtype(kind: pa.DataType) -> dict[str, Any]:
    if pa.types.is_fixed_size_list(kind):
        return {"sequence": _dtype(kind.value_type)["dtype"], "length": kind.list_size}
    if pa.types.is_list(kind) or pa.types.is_large_list(kind):
        inner = _dtype(kind.value_type)
        return {"sequence": inner.get("dtype", inner)}
    if pa.types.is_struct(kind):
        return {"struct": [{"name": field.name, **_dtype(field.type)} for field in kind]}
    if pa.types.is_dictionary(kind):
        return _dtype(kind.value_type)
    names = {"double": "float64", "float": "float32", "halffloat": "float16"}
    return {"dtype": names.get(str(kind), str(kind))}


def _licences(output: StoredPath, manifest: Mapping[str, Any]) -> dict[str, Counter[str]] | None:
    """Return the licences of each source's documents; None where the files do not name them."""
    found: dict[str, Counter[str]] = {name: Counter() for name in manifest["sources"]}
    rows = SampledRows(output, [*manifest["shards"], *manifest.get("validation", ())])
    for batch in rows.batches(["source", "license"]):
        if not {"source", "license"} <= set(batch.schema.names):
            continue
        plain = pa.table({name: batch.column(name).cast(pa.string()) for name in ("source", "license")})
        for row in plain.group_by(["source", "license"]).aggregate([([], "count_all")]).to_pylist():
            found[row["source"]][row["license"] or UNSTATED] += row["count_all"]
    return found if rows.read or not rows.total else None


def _sources(given: Mapping[str, Any], licences: Mapping[str, Counter[str]] | None) -> list[dict[str, Any]]:
    readers = {
        stage["source"]: stage["name"] for stage in given["manifest"]["stages"] if stage["name"].startswith("read")
    }
    rows = []
    for source in given["sources"]:
        mine = given["inputs"]["sources"].get(source["name"], {"files": 0, "bytes": 0})
        counts = licences[source["name"]] if licences is not None else Counter({UNNAMED: 1})
        stated = [name for name, _ in counts.most_common()]
        more = f" and {len(stated) - MOST_LICENCES} others" if len(stated) > MOST_LICENCES else ""
        said = ", ".join(stated[:MOST_LICENCES]) + more
        rows.append({**source, "reader": readers.get(source["name"], ""), **mine, "licences": said or UNSTATED})
    return rows


def _steps(given: Mapping[str, Any]) -> list[dict[str, Any]]:
    steps = []
    for stage, title, fields in zip(given["manifest"]["stages"], given["titles"], given["fields"], strict=True):
        if stage["name"].startswith("read."):
            continue
        about = _class(stage["name"])
        source = [sections(about).get("Source", "")] if about else []
        steps.append(
            {
                "title": title,
                "about": summary(about) if about else "A stage of its own package.",
                "source": " ".join(said for said in [*_pack_source(fields), *source] if said),
                "settings": ", ".join(f"{name}: {value}" for name, value in _changed(about, fields)),
                "read": stage["read"],
                "kept": stage["kept"],
            }
        )
    return steps


def _changed(about: type | None, fields: Mapping[str, Any]) -> Sequence[tuple[str, Any]]:
    known = getattr(about, "model_fields", {})
    skipped = ("only", "except", "key_file")
    said = []
    for name, value in fields.items():
        default = known[name].get_default(call_default_factory=True) if name in known else None
        plain = list(default) if isinstance(default, tuple) else default
        if name not in skipped and value != plain and value not in ({}, []):
            said.append((name, value))
    return said


def _pack_source(fields: Mapping[str, Any]) -> list[str]:
    if not fields.get("pack"):
        return []
    try:
        from corpusforge import rules

        pack = rules.load(str(fields["pack"]))
    except RecipeError:
        return []
    return [f"Pack {pack.name}: {pack.source}."]


def _limits(given: Mapping[str, Any]) -> list[str]:
    names = dict.fromkeys(stage["name"] for stage in given["manifest"]["stages"])
    found = ((name, _class(name)) for name in names)
    return [f"{name}: {said}" for name, cls in found if cls and (said := sections(cls).get("Limits"))]


def _class(name: str) -> type | None:
    try:
        return registry.find(name)
    except RecipeError:  # a stage of another package, which is not at hand
        return None
