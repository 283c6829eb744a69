"""corpusforge show: the page of a stage, or a shipped pack or recipe."""

import inspect

import click

from corpusforge.errors import RecipeError
from corpusforge.registry import find, names, nearest, shipped


@click.command(short_help="Show a stage's page, a shipped pack or recipe, or the recipe's JSON schema.")
@click.argument("name")
def command(name: str) -> None:
    """Show what NAME is: a stage with its fields, a rule pack, or a recipe; `schema`: the JSON Schema of recipes."""
    if name == "schema":
        import json  # orjson knows no integers beyond 64 bits

        from corpusforge.recipe_schema import recipe_schema

        click.echo(json.dumps(recipe_schema(), indent=2))
        return
    for kind in ("filters", "pipelines"):
        if (path := shipped(kind) / f"{name}.yaml").is_file():
            click.echo(path.read_text(encoding="utf-8"))
            return
    if ":" not in name and name not in names():
        known = names() + [p.stem for kind in ("filters", "pipelines") for p in shipped(kind).glob("*.yaml")]
        raise RecipeError(f"there is nothing called '{name}'.{nearest(name, known)}")
    cls = find(name)
    click.echo(f"{name}\n\n{inspect.getdoc(cls)}\n\nFields:")
    for field, info in cls.model_fields.items():
        default = "required" if info.is_required() else f"default {info.get_default(call_default_factory=True)!r}"
        plain = isinstance(info.annotation, type) and not getattr(info.annotation, "__args__", None)
        said = getattr(info.annotation, "__name__", "") if plain else str(info.annotation).replace("typing.", "")
        click.echo(f"  {field}: {said} ({default})")
