"""What the shell may complete: names of recipes, packs, stages, and files."""

from pathlib import Path
from typing import Any

import click
from click.shell_completion import CompletionItem


class Name(click.ParamType):  # type: ignore[type-arg]
    """A shipped name or a path; `kinds` are recipes, packs and stages. The shell adds files where `files` is true."""

    name = "name"

    def __init__(self, *kinds: str, files: bool = True) -> None:
        self.kinds = kinds
        self.files = files

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Return the value as it was typed; what it names is looked up by the command."""
        return str(value)

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
        """Return the names that begin as typed, and leave files to the shell."""
        from corpusforge.registry import names, shipped

        found: list[str] = []
        for kind in self.kinds:
            if kind == "stages":
                found += names()
            else:
                found += [p.stem for p in shipped({"packs": "filters", "recipes": "pipelines"}[kind]).glob("*.yaml")]
        items = [CompletionItem(name) for name in sorted(found) if name.startswith(incomplete)]
        return items + ([CompletionItem(incomplete, type="file")] if self.files else [])


class Output(click.ParamType):  # type: ignore[type-arg]
    """An output folder of a run."""

    name = "output"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Return the path as it was typed."""
        return str(value) if "://" in str(value) else str(Path(str(value)))

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
        """Leave folders to the shell."""
        return [CompletionItem(incomplete, type="dir")]
