"""corpusforge show: the page of a stage, a writer or the layout, or a shipped pack, recipe or mixture."""

import inspect
import re
from typing import get_args

import click
from pydantic import BaseModel

from corpusforge.errors import RecipeError
from corpusforge.pipeline import Layout
from corpusforge.registry import find, names, nearest, shipped

KINDS = ("filters", "pipelines", "pipelines/mixtures")
LAYOUT = "layout"
MODULES = re.compile(r"\b(\w+\.)+(?=\w)")  # in the names of types


@click.command(short_help="Show the page of a stage, a writer or the layout, or a shipped pack, recipe or mixture.")
@click.argument("name")
def command(name: str) -> None:
    """Show what NAME is: a stage or writer with its fields, a part of the layout (layout, layout.mix, layout.pack ...),
    a rule pack, a recipe, or a mixture (with its folder where a recipe has the same name: mixtures/gopher).
    """
    for kind in KINDS:
        if (path := shipped(kind) / f"{name}.yaml").is_file():
            click.echo(path.read_text(encoding="utf-8"))
            return
    if (part := _layout(name)) is not None:
        _page(name, part)
        return
    if ":" not in name and name not in names():
        known = names() + [p.stem for kind in KINDS for p in shipped(kind).glob("*.yaml")]
        known += [LAYOUT, *(f"{LAYOUT}.{part}" for part in Layout.model_fields)]
        raise RecipeError(f"there is nothing called '{name}'.{nearest(name, known)}")
    _page(name, find(name))


def _layout(name: str) -> type[BaseModel] | None:
    """Return the model of the layout or of a part of it."""
    head, _, part = name.partition(".")
    if head != LAYOUT or part not in {"", *Layout.model_fields}:
        return None
    if not part:
        return Layout
    kinds = get_args(Layout.model_fields[part].annotation)
    return next((kind for kind in kinds if isinstance(kind, type) and issubclass(kind, BaseModel)), None)


def _page(name: str, cls: type[BaseModel]) -> None:
    click.echo(f"{name}\n\n{inspect.getdoc(cls)}\n\nFields:")
    for field, info in cls.model_fields.items():
        default = "required" if info.is_required() else f"default {info.get_default(call_default_factory=True)!r}"
        plain = isinstance(info.annotation, type) and not getattr(info.annotation, "__args__", None)
        said = (
            getattr(info.annotation, "__name__", "") if plain else re.sub(r"\b(\w+\.)+(?=\w)", "", str(info.annotation))
        )
        click.echo(f"  {field}: {said} ({default})")
