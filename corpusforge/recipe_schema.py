"""The JSON Schema of a recipe, so that an editor completes names and underlines mistakes while one writes.

It is made from the fields of readers, stages and writers. What only a load can know (files, columns, packs, bounds
that fit together) stays with `corpusforge check`, which is also the stricter of the two.
"""

from typing import Any

from pydantic import BaseModel

from corpusforge.pipeline import Expect, Layout, RunOptions
from corpusforge.registry import find, names
from corpusforge.report.docstring import sections, summary
from corpusforge.source import Reader
from corpusforge.writer import Writer

VARIABLE = {"type": "string", "pattern": r"\$\{"}  # filled in when the recipe is loaded
SIZE = {"type": "string", "pattern": r"^[0-9.]+ ?([kKMGTP]i?)?B?$"}  # 256MB
OWN = r"^[\w.]+:\w+$"  # a stage of another package


def recipe_schema() -> dict[str, Any]:
    """Return the schema (JSON Schema draft 2020-12) of a whole recipe."""
    classes = {name: find(name) for name in names()}
    readers = {name: cls for name, cls in classes.items() if issubclass(cls, Reader)}
    writers = {name: cls for name, cls in classes.items() if issubclass(cls, Writer)}
    stages = {name: cls for name, cls in classes.items() if name not in readers and name not in writers}
    sources = {"type": "array", "items": {"type": "string"}}
    scope = {"only": _one_or_more(sources), "except": _one_or_more(sources)}
    step = {
        "anyOf": [
            {"enum": sorted(stages)},
            {"type": "string", "pattern": OWN},
            {
                "type": "object",
                "minProperties": 1,
                "maxProperties": 1,
                "properties": {name: _fields(cls, scope) for name, cls in stages.items()},
                "patternProperties": {OWN: {}},
                "additionalProperties": False,
            },
        ]
    }
    steps = {"type": "array", "items": {"$ref": "#/$defs/step"}}
    source = {
        "type": "object",
        "properties": {**{name: _fields(cls) for name, cls in readers.items()}, "stages": steps},
        "patternProperties": {OWN: {}},
        "additionalProperties": False,
    }
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "corpusforge recipe",
        "type": "object",
        "required": ["corpusforge", "sources"],
        "properties": {
            "corpusforge": {"const": 1},
            "vars": {"type": "object", "description": "Values for ${name} anywhere in the recipe; --set changes them."},
            "sources": {"type": "object", "minProperties": 1, "additionalProperties": source},
            "stages": {**steps, "description": "Stages that all sources pass, in order."},
            "layout": _fields(Layout),
            "run": _fields(RunOptions),
            "expect": _fields(Expect),
            **{name: _fields(cls) for name, cls in writers.items()},
        },
        "patternProperties": {OWN: {}},
        "additionalProperties": False,
        "$defs": {"step": step},
    }


def _fields(cls: type[BaseModel], more: dict[str, Any] | None = None) -> dict[str, Any]:
    made = cls.model_json_schema()
    nested = made.get("$defs", {})
    properties = {name: _lenient(_resolved(field, nested)) for name, field in made.get("properties", {}).items()}
    schema = {
        "type": ["object", "null"],  # `stage:` without fields
        "properties": {**properties, **(more or {})},
        "additionalProperties": False,
        "description": _description(cls),
    }
    return schema | ({"required": made["required"]} if "required" in made else {})


def _description(cls: type[BaseModel]) -> str:
    about = sections(cls)
    said = [f"{name}: {about[name]}" for name in ("Reads", "Writes", "Rejects") if name in about]
    return "\n".join([summary(cls), *said])


def _resolved(schema: Any, nested: dict[str, Any]) -> Any:
    # Definitions are put in place: names of two stages' definitions may be the same.
    if isinstance(schema, dict):
        if "$ref" in schema:
            rest = {k: v for k, v in schema.items() if k != "$ref"}
            return _resolved({**nested[schema["$ref"].rpartition("/")[2]], **rest}, nested)
        return {key: _resolved(value, nested) for key, value in schema.items()}
    return [_resolved(item, nested) for item in schema] if isinstance(schema, list) else schema


def _lenient(schema: dict[str, Any]) -> dict[str, Any]:
    # What a recipe may write besides: a variable, a size with its unit, one value in place of a list.
    kinds = {schema.get("type"), *(entry.get("type") for entry in schema.get("anyOf", []))}
    if "object" in kinds and "additionalProperties" not in schema:
        return {k: v for k, v in schema.items() if k in ("title", "description")}
    others: list[dict[str, Any]] = [VARIABLE]
    if "integer" in kinds:
        others.append(SIZE)
    if "array" in kinds:
        others.append({"type": ["string", "number"]})
    if "prefixItems" in str(schema):  # a frozen map is kept as pairs
        others.append({"type": "object"})
    about: dict[str, Any] = {k: schema[k] for k in ("default", "description") if k in schema}
    plain = {k: v for k, v in schema.items() if k not in ("default", "description", "title")}
    return {**about, "anyOf": [plain, *others]} if plain else schema


def _one_or_more(array: dict[str, Any]) -> dict[str, Any]:
    return {"anyOf": [array, {"type": "string"}]}
