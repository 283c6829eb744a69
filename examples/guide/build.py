"""Build the site: the pages beside what they explain, and a reference made from docstrings, fields and packs.

    python examples/guide/build.py [FOLDER]

`make docs` runs it. Pages and site go to out/docs/, or to FOLDER; the site opens from its files, without network.
"""

import inspect
import json
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import click

from corpusforge import rules, signals
from corpusforge.cli import group
from corpusforge.recipe_schema import recipe_schema
from corpusforge.registry import find, names
from corpusforge.report.docstring import NAMES, sections

GUIDE = Path(__file__).parent
ROOT = GUIDE.parents[1]
COPIED = {"README.md": "index.md", "CONTRIBUTING.md": "contributing.md", "CHANGELOG.md": "changelog.md"}
CONTENTS = """
```{toctree}
:hidden:
:caption: Guide

tutorial
own_filter
tune
incremental
cluster
object_storage
contributing
```

```{toctree}
:hidden:
:caption: Reference

commands
stages
signals
packs
recipes
schema
changelog
```
"""
SCHEMA = """# The recipe's schema

[recipe.schema.json](recipe.schema.json) is the JSON Schema of recipes: with it an editor completes the names of stages
and fields, shows what each does, and underlines what does not exist. It is also what `corpusforge show schema` prints:

```console
$ corpusforge show schema
"title": "corpusforge recipe",
```

Editors that use the YAML language server (VS Code, Neovim, Emacs, Helix) take a first line in the recipe:

```yaml
# yaml-language-server: $schema=recipe.schema.json
corpusforge: 1
```

`corpusforge check` knows more: files, columns, packs, bounds.
"""


def main(folder: Path) -> None:
    """Gather the pages in `folder`/pages and build the site in `folder`/site."""
    pages = folder / "pages"
    shutil.rmtree(pages, ignore_errors=True)
    pages.mkdir(parents=True)
    for name, target in COPIED.items():
        (pages / target).write_text((ROOT / name).read_text(encoding="utf-8"), encoding="utf-8")
    with open(pages / "index.md", "a", encoding="utf-8") as index:
        index.write(CONTENTS)
    for path in GUIDE.glob("*.md"):
        shutil.copy2(path, pages / path.name)
    reference = {"commands": commands, "stages": stages, "signals": signal_pages, "packs": packs, "recipes": recipes}
    for name, make in reference.items():
        (pages / f"{name}.md").write_text("\n\n".join(make()) + "\n", encoding="utf-8")
    (pages / "schema.md").write_text(SCHEMA, encoding="utf-8")
    (pages / "recipe.schema.json").write_text(json.dumps(recipe_schema(), indent=2), encoding="utf-8")
    shutil.copy2(GUIDE / "conf.py", pages / "conf.py")
    options = ["-q", "-W", "--keep-going", "-b", "html", "-d", str(folder / "doctrees")]
    command = [sys.executable, "-m", "sphinx", *options, str(pages), str(folder / "site")]
    subprocess.run(command, check=True)
    print(folder / "site" / "index.html")


def commands() -> Iterator[str]:
    """Yield the help of every command."""
    yield "# Commands\n\nExit codes: 0 done; 1 the run failed; 2 the recipe or the command is wrong, nothing was run."
    with click.Context(group, info_name="corpusforge") as context:
        yield from _commands(group, context)


def _commands(parent: click.Group, context: click.Context) -> Iterator[str]:
    for name in parent.list_commands(context):
        command = parent.get_command(context, name)
        assert command is not None
        with click.Context(command, info_name=name, parent=context) as inner:
            yield f"## {inner.command_path.removeprefix('corpusforge ')}\n\n```text\n{command.get_help(inner)}\n```"
            if isinstance(command, click.Group):
                yield from _commands(command, inner)


def stages() -> Iterator[str]:
    """Yield the page of every reader, stage and writer."""
    yield "# Stages\n\nIn the order of the figure. A recipe names a stage, or a stage with its fields."
    order = ["read", "extract", "normalize", "quality", "dedup", "privacy", "tokenize", "write"]
    for name in sorted(names(), key=lambda name: (order.index(name.partition(".")[0]), name)):
        cls = find(name)
        about = sections(cls)
        yield f"## {name}\n\n{_plain(about.get('', ''))}"
        listed = [f"* **{key}**: {_plain(about[key])}" for key in NAMES if key in about and key != "Example"]
        if listed:
            yield "\n".join(listed)
        if "Example" in about:
            yield f"```python\n{about['Example']}\n```"
        if cls.model_fields:
            rows = [_row(field, info) for field, info in cls.model_fields.items()]
            yield "\n".join(["| field | type | default |", "|---|---|---|", *rows])


def _row(field: str, info: object) -> str:
    default = "required" if info.is_required() else repr(info.get_default(call_default_factory=True))  # type: ignore[attr-defined]
    kind = info.annotation  # type: ignore[attr-defined]
    plain = isinstance(kind, type) and not getattr(kind, "__args__", None)
    said = kind.__name__ if plain else re.sub(r"\btyping\.|corpusforge\.[\w.]+\.", "", str(kind))
    return f"| `{field}` | {_code(said)} | {_code(default)} |"


def signal_pages() -> Iterator[str]:
    """Yield the page of every signal."""
    yield "# Signals\n\nNumbers about a text that packs put bounds on. 0 for empty texts unless said otherwise."
    for name in sorted(signals.names()):
        text = inspect.getdoc(signals.find(name)) or ""
        said, _, example = text.partition(">>>")
        code, _, rest = example.partition("\n\n")
        yield f"## {name}\n\n{_plain(said.strip())}"
        if example:
            yield f"```python\n>>>{code.rstrip()}\n```"
        if rest.strip():
            yield _plain(rest.strip())


def packs() -> Iterator[str]:
    """Yield what every pack says of itself, and its bounds."""
    yield "# Rule packs\n\nIn `filters/`; `corpusforge show NAME` prints one. Bounds are inclusive."
    for path in sorted((ROOT / "filters").glob("*.yaml")):
        if "\nrules:" not in (text := path.read_text(encoding="utf-8")) and "\nlines:" not in text:
            continue
        pack = rules.load(path.stem)
        yield f"## {pack.name}\n\n{_plain(pack.about)}\n\nSource: {_plain(pack.source or 'none')}"
        if pack.rules:
            rows = [f"| `{r.name}` | `{r.signal}` | {_bound(r.min)} | {_bound(r.max)} |" for r in pack.rules]
            yield "\n".join(["| rule | signal | min | max |", "|---|---|---:|---:|", *rows])


def recipes() -> Iterator[str]:
    """Yield every shipped recipe."""
    yield "# Recipes\n\nIn `pipelines/`, run by name: `corpusforge run NAME --set vars.input=...`."
    for path in sorted((ROOT / "pipelines").glob("*.yaml")):
        yield f"## {path.stem}\n\n```yaml\n{path.read_text(encoding='utf-8').strip()}\n```"


def _bound(value: float) -> str:
    return f"{value:g}" if abs(value) != float("inf") else ""


def _plain(text: str) -> str:
    # A docstring is no HTML and has no links: <EMAIL> and [.!?] are meant as written. Code in backquotes stays.
    return re.sub(r"(`[^`]*`)|([<\[])", lambda found: found[1] or {"<": "&lt;", "[": "\\["}[found[2]], text)


def _code(text: str) -> str:
    return (
        f"`{text.replace('|', '&#124;')}`"
        if "|" not in text
        else f"<code>{text.replace('<', '&lt;').replace('|', '&#124;')}</code>"
    )


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "out" / "docs")
