"""YAML <-> Pipeline: strict YAML 1.2, every error with file:line:column and the nearest right name.

`load` turns a recipe into a Pipeline and checks everything that needs no input file; checks.py then looks at columns,
files and the order of stages. Neither imports a model, Numba or Ray.
"""

import io
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError
from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap, CommentedSeq
from ruamel.yaml.error import MarkedYAMLError

from corpusforge.checks import unmasked
from corpusforge.errors import RecipeError
from corpusforge.mistakes import first, named, or_list, say, yaml_problem
from corpusforge.pipeline import Expect, Layout, Pipeline, RunOptions, Source, Step
from corpusforge.registry import find, name_of, names, nearest, resource
from corpusforge.source import Reader
from corpusforge.stage import Stage
from corpusforge.writer import Writer

VERSION = 1
KEYS = ["corpusforge", "vars", "sources", "stages", "layout", "run", "expect"]
OUTPUT = "output"  # of --set output=PATH: the path of the writer, whichever it is


def load(
    path: str | Path, set_: Sequence[str] = (), *, limit: int | None = None, sample: float | None = None
) -> Pipeline:
    """Return the pipeline of a recipe: a path, or the name of a shipped one.

    `set_` holds `dotted.path=value` changes, such as `vars.output=out/x` or `run.workers=1`; `limit` and `sample`
    give the run an output folder of its own. Raises RecipeError.
    """
    try:
        file = resource("pipelines", str(path))
    except RecipeError as error:
        raise RecipeError(error.message, str(path)) from None
    return _Loader(str(file), _parse(file)).pipeline(set_, limit, sample)


def with_runtime_env(pipeline: Pipeline, path: str) -> Pipeline:
    """Return the pipeline with `run.ray.runtime_env` from a YAML file; RecipeError when it holds no map."""
    found = plain(_parse(Path(path), "a runtime environment is a map, such as {env_vars: {NAME: value}}"))
    ray = pipeline.options.ray.model_copy(update={"runtime_env": found})
    return replace(pipeline, options=pipeline.options.model_copy(update={"ray": ray}))


def _parse(file: Path, form: str = "a recipe is a map that begins with 'corpusforge: 1'") -> CommentedMap:
    yaml = YAML(typ="rt", pure=True)
    yaml.allow_duplicate_keys = False
    try:
        root = yaml.load(file.read_text(encoding="utf-8"))
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        where = f"{file}:{mark.line + 1}:{mark.column + 1}" if mark else str(file)
        raise RecipeError(yaml_problem(error.problem), where) from None
    except UnicodeDecodeError as error:
        before = error.object[: error.start]
        line, column = before.count(b"\n") + 1, len(before) - before.rfind(b"\n")
        said = f"byte {error.object[error.start]:#x} is not UTF-8; save the recipe as UTF-8"
        raise RecipeError(said, f"{file}:{line}:{column}") from None
    if not isinstance(root, CommentedMap):
        raise RecipeError(form, f"{file}:1:1")
    return root


def plain(node: Any) -> Any:
    """Return YAML data as plain Python data, without positions."""
    if isinstance(node, Mapping):
        return {str(k): plain(v) for k, v in node.items()}
    if isinstance(node, list | tuple):
        return [plain(v) for v in node]
    for kind in (bool, int, float, str):
        if isinstance(node, kind):
            return kind(node)
    return node


class _Loader:
    """Walks one parsed recipe; `file` is for messages."""

    def __init__(self, file: str, root: CommentedMap) -> None:
        self.file = file
        self.root = root
        self.vars: dict[str, Any] = {}

    # ---- places

    def at(self, node: Any, key: Any = None, value: bool = False) -> str:
        """Return file:line:column of a node, of a key in it, or of a key's value."""
        line, column = node.lc.line, node.lc.col
        if key is not None:
            try:
                if isinstance(node, CommentedSeq):
                    line, column = node.lc.item(key)
                else:
                    line, column = node.lc.value(key) if value else node.lc.key(key)
            except (KeyError, TypeError, AttributeError):  # set from the command line: it has no place
                return f"{self.file} (--set {key})"
        return f"{self.file}:{line + 1}:{column + 1}"

    # ---- the whole

    def pipeline(self, set_: Sequence[str], limit: int | None, sample: float | None) -> Pipeline:
        root = self.root
        if root.get("corpusforge") != VERSION:
            said = f"not {root['corpusforge']!r}" if "corpusforge" in root else "which is missing"
            raise RecipeError(f"a recipe begins with 'corpusforge: {VERSION}', {said}", self.at(root))
        for change in set_:
            self._set(change)
        for key in root:
            if key not in KEYS and not _is_writer(str(key)):
                known = or_list(str(key), [*KEYS, *_names("write.")], "Keys")
                raise RecipeError(f"a recipe has no key '{key}'.{known}", self.at(root, key))
        self._read_vars()
        self._substitute(root)
        if "sources" not in root:
            raise RecipeError("the recipe has no 'sources'", self.at(root))
        sources = tuple(self._source(name) for name in self._map(root, "sources"))
        if not sources:
            raise RecipeError("the recipe has no source", self.at(root, "sources"))
        source_names = [s.name for s in sources]
        steps = self._steps(root, "stages", source_names)
        writer = self._writer()
        options = self._model(RunOptions, root, "run")
        suffix = (f"-limit-{limit}" if limit else "") + (f"-sample-{sample:g}" if sample else "")
        if suffix:
            given = {**options.model_dump(), "ray": options.ray, "limit": limit, "sample": sample}
            options = RunOptions.model_validate(given)
            writer = writer.model_copy(update={"path": writer.path.rstrip("/") + suffix})
        layout = self._model(Layout, root, "layout")
        made = Pipeline(sources, steps, writer, layout, options, self.file, places=self._places(root))
        self._check_needs(made)
        if problem := unmasked(made):
            raise RecipeError(problem, self.at(root["run"], "keep_rejected", value=True))
        expect = self._model(Expect, root, "expect") if "expect" in root else None
        return replace(made, resolved=resolve(made), expect=expect)

    def _writer(self) -> Writer:
        found = [str(key) for key in self.root if _is_writer(str(key))]
        known = ", ".join(_names("write."))
        if not found:
            raise RecipeError(f"the recipe has no writer; add one of {known}", self.at(self.root))
        if len(found) > 1:
            said = f"a recipe has one writer, this one has {' and '.join(found)}"
            raise RecipeError(f"{said}; give each a recipe and both one run.work", self.at(self.root, found[1]))
        cls = find(found[0], self.at(self.root, found[0]))
        if not issubclass(cls, Writer):
            raise RecipeError(f"'{found[0]}' is not a writer; use one of {known}", self.at(self.root, found[0]))
        writer: Writer = self._model(cls, self.root, found[0])
        return writer

    def _check_needs(self, made: Pipeline) -> None:
        """Hold run.ray.needs to stages of the recipe, and their amounts to numbers that make sense."""
        stages = [step.stage for source in made.sources for step in source.steps] + [s.stage for s in made.steps]
        known = [name_of(type(one)) for one in (*(source.reader for source in made.sources), *stages)]
        for name, needs in made.options.ray.needs.items():
            where = made.place(f"run.ray.needs.{name}")
            if name not in known:
                raise RecipeError(f"run.ray.needs: no stage '{name}' is in use.{or_list(name, known, 'Stages')}", where)
            for resource_name, amount in needs.items():
                if amount < 0:
                    raise RecipeError(f"run.ray.needs: {name}: {resource_name} is {amount:g}, below 0", where)

    def _set(self, change: str) -> None:
        path, equals, value = change.partition("=")
        where = f"--set {change}"
        if not equals:
            raise RecipeError("write --set NAME=VALUE, such as --set vars.output=out/test", where)
        node: Any = self.root
        if path == OUTPUT:
            path = next((f"{key}.path" for key in self.root if _is_writer(str(key))), "write.parquet.path")
        *folders, last = _split_path(path, self.root)
        for name in folders:
            if name not in node and (name in ("run", "layout", "vars") or folders[0] in ("run", "layout")):
                node[name] = CommentedMap()
            if not isinstance(node.get(name), CommentedMap):
                raise RecipeError(f"the recipe has no '{name}' to set.{nearest(name, [str(k) for k in node])}", where)
            node = node[name]
        if folders == ["vars"] and last not in node:
            raise RecipeError(f"the recipe has no variable '{last}'.{or_list(last, list(node), 'Variables')}", where)
        node[last] = YAML(typ="safe", pure=True).load(value)

    def _read_vars(self) -> None:
        for name, value in self._map(self.root, "vars").items():
            if isinstance(value, CommentedMap | CommentedSeq):
                raise RecipeError(f"variable '{name}' is not a single value", self.at(self.root["vars"], name))
            self.vars[str(name)] = self._filled(value, self.root["vars"], name)

    def _substitute(self, node: Any) -> None:
        keys: Iterable[Any] = list(node) if isinstance(node, CommentedMap) else range(len(node))
        for key in keys:
            if isinstance(node[key], CommentedMap | CommentedSeq):
                self._substitute(node[key])
            else:
                node[key] = self._filled(node[key], node, key)

    def _filled(self, value: Any, node: Any, key: Any) -> Any:
        if not isinstance(value, str) or "${" not in value:
            return value

        def fill(match: re.Match[str]) -> str:
            name = match[1]
            if name not in self.vars:
                known = or_list(name, list(self.vars), "Variables")
                raise RecipeError(f"there is no variable '{name}'.{known}", self.at(node, key, value=True))
            return str(self.vars[name])

        whole = re.fullmatch(r"\$\{([^}]*)\}", value)
        if whole and whole[1] in self.vars:
            return self.vars[whole[1]]
        return re.sub(r"\$\{([^}]*)\}", fill, value)

    # ---- pieces

    def _map(self, parent: CommentedMap, key: str) -> CommentedMap:
        node = parent.get(key)
        if node is None:
            return CommentedMap()
        if not isinstance(node, CommentedMap):
            raise RecipeError(f"'{key}' must be a map, not {_kind(node)}", self.at(parent, key, value=True))
        return node

    def _source(self, name: str) -> Source:
        sources = self.root["sources"]
        where = self.at(sources, name)
        if not re.fullmatch(r"[A-Za-z0-9_.-]+", str(name)):
            raise RecipeError(f"'{name}' is no name for a source: letters, digits, '_', '-' and '.' only", where)
        node = self._map(sources, name)
        for key in node:
            if key != "stages" and not re.search("[.:]", str(key)):
                known = or_list(str(key), ["stages", *_names("read.")], "Keys")
                raise RecipeError(f"a source has no key '{key}'.{known}", self.at(node, key))
        readers = [str(key) for key in node if key != "stages"]
        if len(readers) != 1:
            found = " and ".join(readers) or "none"
            raise RecipeError(f"source '{name}' needs exactly one reader, such as read.jsonl; it has {found}", where)
        reader_name = str(readers[0])
        cls = find(reader_name, self.at(node, reader_name))
        if not issubclass(cls, Reader):
            known = ", ".join(_names("read."))
            raise RecipeError(f"'{reader_name}' is not a reader; use one of {known}", self.at(node, reader_name))
        reader = self._model(cls, node, reader_name)
        return Source(str(name), reader_name, reader, self._steps(node, "stages", [str(name)]), where)

    def _steps(self, parent: CommentedMap, key: str, sources: list[str]) -> tuple[Step, ...]:
        node = parent.get(key)
        if node is None:
            return ()
        if not isinstance(node, CommentedSeq):
            raise RecipeError(f"'{key}' must be a list of stages, not {_kind(node)}", self.at(parent, key, value=True))
        return tuple(self._step(node, i, sources) for i in range(len(node)))

    def _step(self, parent: CommentedSeq, index: int, sources: list[str]) -> Step:
        node = parent[index]
        where = self.at(parent, index)
        if isinstance(node, str):
            name, holder = node, CommentedMap({node: None})
        elif isinstance(node, CommentedMap) and len(node) == 1:
            name, holder = str(next(iter(node))), node
        else:
            found = f"a map of {len(node)} keys" if isinstance(node, CommentedMap) else _kind(node)
            raise RecipeError(f"a stage is a name or a map with one key, not {found}", where)
        cls = find(name, where)
        if not issubclass(cls, Stage):
            said = "a reader, not a stage; it belongs under sources"
            if not issubclass(cls, Reader):
                said = "a writer, not a stage; it belongs at the top of the recipe"
            raise RecipeError(f"'{name}' is {said}", where)
        if holder[name] is not None and not isinstance(holder[name], CommentedMap):
            some = ", ".join(f"{field}: ..." for field in list(cls.model_fields)[:2])
            raise RecipeError(
                f"the fields of {name} are a map, such as {{{some}}}, not {_kind(holder[name])}",
                self.at(holder, name, value=True),
            )
        fields = self._map(holder, name)
        chosen: dict[str, tuple[str, ...]] = {}
        for word in ("only", "except"):
            value = plain(fields.get(word, []))
            chosen[word] = tuple([value] if isinstance(value, str) else value)
            for source in chosen[word]:
                if source not in sources:
                    known = or_list(str(source), sources, "Sources")
                    raise RecipeError(f"{word}: there is no source '{source}'.{known}", self.at(fields, word))
        stage = self._model(cls, holder, name, where, leave_out=("only", "except"))
        return Step(name, stage, chosen["only"], chosen["except"], where)

    def _model(self, cls: Any, parent: CommentedMap, key: str, place: str = "", leave_out: tuple[str, ...] = ()) -> Any:
        node = self._map(parent, key)
        place = place or (self.at(parent, key) if key in parent else self.file)
        given = {k: v for k, v in plain(node).items() if k not in leave_out}
        try:
            return cls.model_validate(given)
        except ValidationError as error:
            errors: Any = error.errors()
            worst = first(errors)
            value = worst["type"] != "extra_forbidden"
            where = self._within(node, named(worst, cls)[0], value) or place
            raise RecipeError(f"{key}: {say(worst, errors, cls)}", where) from None
        except RecipeError as error:
            raise error if error.where else RecipeError(f"{key}: {error.message}", place) from None

    def _within(self, node: CommentedMap, names: Sequence[str], value: bool) -> str:
        """Return the place of the deepest of nested keys that is there (the last one's value if asked), or nothing."""
        where = ""
        for number, name in enumerate(names, 1):
            keys = [key for key in node if str(key) == name] if isinstance(node, CommentedMap) else []
            if not keys:
                break
            where = self.at(node, keys[0], value=value and number == len(names))
            node = node[keys[0]]
        return where

    def _places(self, parent: CommentedMap, prefix: str = "") -> dict[str, str]:
        """Return the place of every key below a map, by dotted names."""
        found: dict[str, str] = {}
        for key, value in parent.items():
            found[f"{prefix}{key}"] = self.at(parent, key)
            if isinstance(value, CommentedMap):
                found |= self._places(value, f"{prefix}{key}.")
        return found


def _split_path(path: str, root: Mapping[str, Any]) -> list[str]:
    # "write.parquet" is one key although it holds a dot.
    for key in sorted((str(k) for k in root), key=len, reverse=True):
        if path == key or path.startswith(key + "."):
            rest = path[len(key) + 1 :]
            return [key, *rest.split(".")] if rest else [key]
    return path.split(".")


def _kind(value: Any) -> str:
    if value is None:
        return "nothing"
    if isinstance(value, Mapping):
        return "a map"
    return "a list" if isinstance(value, list) else repr(plain(value))


def _names(family: str) -> list[str]:
    return [name for name in names() if name.startswith(family)]


def _is_writer(key: str) -> bool:
    """Say whether a key at the top names a writer: a built-in one, or a class of another package."""
    return ":" in key or key in _names("write.")


# ------------------------------------------------------------------------------------------ resolve


def resolve(pipeline: Pipeline) -> str:
    """Return the pipeline as YAML with every default filled in; loading it gives an equal pipeline."""
    recipe: dict[str, Any] = {"corpusforge": VERSION, "sources": {}}
    for source in pipeline.sources:
        entry: dict[str, Any] = {source.reader_name: _fields(source.reader)}
        if source.steps:
            entry["stages"] = [_step_entry(step) for step in source.steps]
        recipe["sources"][source.name] = entry
    recipe["stages"] = [_step_entry(step) for step in pipeline.steps]
    recipe[name_of(type(pipeline.writer))] = _fields(pipeline.writer)
    recipe["layout"] = _fields(pipeline.layout)
    recipe["run"] = _fields(pipeline.options)
    yaml = YAML(typ="safe", pure=True)
    yaml.default_flow_style = False
    yaml.sort_base_mapping_type_on_output = False  # type: ignore[assignment]
    out = io.StringIO()
    yaml.dump(recipe, out)
    return out.getvalue()


def _fields(model: BaseModel) -> dict[str, Any]:
    return {k: v for k, v in model.model_dump(mode="json").items() if v is not None}


def _step_entry(step: Step) -> Any:
    fields = _fields(step.stage)
    if step.only:
        fields["only"] = list(step.only)
    if step.except_:
        fields["except"] = list(step.except_)
    return {step.name: fields} if fields else step.name
