"""What is wrong with a value of a recipe, in words: pydantic's and YAML's errors as one sentence for people."""

import difflib
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, get_args

from pydantic import BaseModel

from corpusforge.registry import nearest

_KINDS = {
    "float": "a number",
    "int": "a whole number",
    "bool": "true or false",
    "string": "text",
    "tuple": "a list",
    "list": "a list",
    "dict": "a map",
}
_BOUNDS = {
    "greater_than_equal": ("at least", "ge"),
    "less_than_equal": ("at most", "le"),
    "greater_than": ("above", "gt"),
    "less_than": ("below", "lt"),
}


def first(errors: Sequence[Mapping[str, Any]]) -> Mapping[str, Any]:
    """Return the error to report: an unknown field before the required one it was meant to be."""
    unknown = (error for error in errors if error["type"] == "extra_forbidden")
    return next(unknown, errors[0])


def say(error: Mapping[str, Any], errors: Sequence[Mapping[str, Any]], cls: type[BaseModel]) -> str:
    """Return one sentence for `error`, one of pydantic's `errors` about a model of class `cls`."""
    names, owner = named(error, cls)
    field = ".".join(names)
    if error["type"] == "extra_forbidden":
        return f"there is no field '{field}'.{or_list(names[-1], list(owner.model_fields), 'Fields')}"
    if error["type"] == "missing":
        given = difflib.get_close_matches(names[-1], [str(key) for key in error["input"]], n=1)
        return f"the field '{field}' is required" + (f"; '{given[0]}' is another field" if given else "")
    # A field that may be of several kinds (a number or "auto") has an error for each.
    musts = [_must(e) for e in errors if named(e, cls)[0] == names and e["input"] is error["input"]]
    if not names or not all(musts):
        said = str(error["msg"]).removeprefix("Value error, ")
        return f"{field}: {said}" if field else said
    close = nearest(str(error["input"]), list(re.findall(r"'([^']+)'", " ".join(musts))))
    return f"{field}: must be {' or '.join(dict.fromkeys(musts))}, not {error['input']!r}" + (close and f".{close}")


def named(error: Mapping[str, Any], cls: type[BaseModel]) -> tuple[list[str], type[BaseModel]]:
    """Return the keys of a recipe that lead to one of pydantic's errors, and the model that has the last of them.

    >>> class Inner(BaseModel):
    ...     size: int | str
    >>> class Outer(BaseModel):
    ...     inner: dict[str, Inner]
    >>> named({"type": "int_parsing", "loc": ("inner", "a", "size", "int")}, Outer)[0]
    ['inner', 'a', 'size']
    """
    names: list[str] = []
    owner = cls
    inside: Any = cls  # a model, or the annotation of a field
    for part in error["loc"]:
        models = [kind for kind in _kinds(inside) if isinstance(kind, type) and issubclass(kind, BaseModel)]
        model = next(iter(models), None)
        if model is not None and (part in model.model_fields or error["type"] == "extra_forbidden"):
            owner = model
            names.append(str(part))
            inside = model.model_fields[part].annotation if part in model.model_fields else None
            continue
        maps = [get_args(kind) for kind in _kinds(inside) if getattr(kind, "__origin__", None) is dict]
        if not maps:
            break
        names.append(str(part))
        inside = maps[0][1]
    return names, owner


def _kinds(annotation: Any) -> Iterator[Any]:
    """Yield an annotation, and what it is a union of."""
    yield annotation
    if getattr(annotation, "__origin__", None) is None:
        yield from get_args(annotation)


def _must(error: Mapping[str, Any]) -> str:
    kind, context = error["type"], error.get("ctx", {})
    if kind == "literal_error":
        return str(context["expected"])
    if kind in _BOUNDS:
        word, name = _BOUNDS[kind]
        return f"{word} {context[name]:g}"
    if kind.startswith("byte_size"):
        return "a size such as 256MB"
    if kind == "too_short":
        return f"a list of at least {context['min_length']}"
    return _KINDS.get(kind.split("_")[0], "")


def or_list(word: str, known: Sequence[str], name: str) -> str:
    """Return the nearest of `known` as a question, or all of them."""
    return nearest(word, list(known)) or (f" {name}: {', '.join(known)}" if known else f" {name}: none")


def yaml_problem(said: str | None) -> str:
    """Return a YAML parser's complaint as a sentence that says what to do."""
    said = (said or "it is not valid").strip().splitlines()[0]
    if twice := re.match(r'found duplicate key "([^"]*)"', said):
        return f"the key '{twice[1]}' stands twice in one map; keep one"
    if r"'\t'" in said:
        return "a tab stands where YAML allows only spaces"
    return f"this is not valid YAML: {said}"
