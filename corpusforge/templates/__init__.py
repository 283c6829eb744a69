"""Files to begin with: what `corpusforge new` writes."""

import re
from dataclasses import dataclass
from pathlib import Path

from corpusforge.engine.storage import write_whole
from corpusforge.errors import OutputError, RecipeError

READERS = (  # what a file is read by, by the end of its name; the first that fits
    (r"\.w?arc(\.gz|\.zst)?$|\.wet(\.gz)?$", "read.warc", ("quality.urls", "extract.html")),
    (r"\.jsonl?(\.gz|\.zst|\.bz2|\.xz)?$|\.ndjson(\.gz)?$", "read.jsonl", ()),
    (r"\.parquet$", "read.parquet", ()),
    (r"\.xml\.bz2$", "read.wikipedia", ()),
    (r"\.epub$", "read.books", ()),
    (r"\.(tar\.gz|tgz|tar|zip)$", "read.code", ()),
    (r"\.txt(\.gz|\.zst)?$", "read.text", ()),
)


@dataclass(frozen=True)
class Made:
    """Files that were written, and commands to go on with."""

    files: tuple[Path, ...]
    then: tuple[str, ...]


def write(what: str, name: Path, pattern: str | None = None) -> Made:
    """Write a recipe, stage or pack called `name`; OutputError when a file is there, RecipeError for a bad name."""
    word = name.name.removesuffix(".yaml").removesuffix(".py")
    if not re.fullmatch(r"[a-z][a-z0-9_]*", word):
        raise RecipeError(
            f"'{name.name}' cannot be a name: use small letters, digits and underscores, such as my_{what}"
        )
    if pattern is not None and what != "recipe":
        raise RecipeError("--input is for a recipe")
    folder = name.parent
    if what == "recipe":
        return _recipe(folder, word, pattern)
    if what == "pack":
        path = folder / f"{word}.yaml"
        _write({path: _text("pack.yaml").replace("NAME", word)})
        use = path if "/" in str(path) else f"./{path}"
        return Made((path,), (f"corpusforge check {path}", f"in a recipe: - quality.rules: {{pack: {use}}}"))
    return _stage(folder, word)


def _recipe(folder: Path, word: str, pattern: str | None) -> Made:
    path, sample = folder / f"{word}.yaml", folder / f"{word}_sample.jsonl"
    reader = "read.jsonl"
    stages: tuple[str, ...] = ()
    files = {}
    if pattern is None:
        pattern = str(sample)
        files[sample] = _text("sample.jsonl")
    else:
        fitting = [(r, s) for suffix, r, s in READERS if re.search(suffix, pattern)]
        if not fitting:
            ends = ".warc.gz, .jsonl, .parquet, .xml.bz2 (Wikipedia), .epub, .tar.gz (code), .txt"
            raise RecipeError(f"--input {pattern}: no reader is known for such files; they end with {ends}")
        reader, stages = fitting[0]
    own = "    stages:\n" + "".join(f"      - {stage}\n" for stage in stages) if stages else ""
    text = _text("recipe.yaml").replace("READER", reader).replace("PATTERN", pattern).replace("    OWN_STAGES\n", own)
    files[path] = text.replace("NAME", word)
    _write(files)
    return Made(tuple(files), (f"corpusforge check {path}", f"corpusforge run {path}"))


def _stage(folder: Path, word: str) -> Made:
    name = "".join(part.capitalize() for part in word.split("_"))
    files = {
        folder / f"{word}.py": _text("stage.py.txt"),
        folder / f"test_{word}.py": _text("test_stage.py.txt"),
        folder / f"{word}_recipe.yaml": _text("stage_recipe.yaml"),
        folder / f"{word}_sample.jsonl": _text("sample.jsonl"),
    }
    place = "" if str(folder) == "." else f"{folder}/"
    _write({p: t.replace("CLASS", name).replace("MODULE", word).replace("FOLDER/", place) for p, t in files.items()})
    where = f"PYTHONPATH={folder}"
    return Made(
        tuple(files),
        (
            f"{where} python -m pytest {folder / f'test_{word}.py'}",
            f"{where} corpusforge run {place}{word}_recipe.yaml",
        ),
    )


def _text(name: str) -> str:
    return (Path(__file__).parent / name).read_text(encoding="utf-8")


def _write(files: dict[Path, str]) -> None:
    if there := [str(path) for path in files if path.exists()]:
        raise OutputError(f"{', '.join(there)}: there already; choose another name, or remove it")
    for path, text in files.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        write_whole(path, text.encode())
