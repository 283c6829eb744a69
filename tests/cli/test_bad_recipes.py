"""Typical mistakes in recipes: one message with its place, exit code 2, nothing is run.

The messages stand in tests/golden/bad_recipes.txt; CORPUSFORGE_UPDATE=1 rewrites it:

    CORPUSFORGE_UPDATE=1 python -m pytest tests/cli/test_bad_recipes.py
"""

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from corpusforge.cli import main

GOLDEN = Path(__file__).parents[1] / "golden" / "bad_recipes.txt"

GOOD = """\
corpusforge: 1
vars: {output: out}
sources:
  pages:
    read.jsonl: {paths: "pages/*.jsonl"}
stages:
  - quality.language: {keep: [en, de]}
  - quality.rules: {pack: gopher_quality}
  - dedup.minhash: {verify: 0.8}
write.parquet: {path: "${output}"}
run: {workers: 1}
"""


@dataclass(frozen=True)
class Mistake:
    """`old` of the good recipe becomes `new`; or `recipe` is the whole of it."""

    name: str
    old: str = ""
    new: str = ""
    recipe: str | bytes | None = None
    command: tuple[str, ...] = ("check", "recipe.yaml")
    place: str = r"recipe\.yaml:\d+:\d+"


LANGUAGE = "quality.language: {keep: [en, de]}"
RULES = "quality.rules: {pack: gopher_quality}"
MINHASH = "dedup.minhash: {verify: 0.8}"
TRAIN = "tokenize.train\n  - tokenize.encode: "
MIX = "layout: {mix: {sources: {pages: 1}}}\n"
SET = r"(recipe\.yaml \()?--set [^:]*"
MISTAKES = (
    # names
    Mistake("misspelt stage", "dedup.minhash", "dedup.minhahs"),
    Mistake("misspelt stage of another family", "quality.rules", "filter.rules"),
    Mistake("misspelt reader", "read.jsonl", "read.json"),
    Mistake("misspelt field", "keep: [en, de]", "kept: [en, de]"),
    Mistake("misspelt field of a reader", "paths:", "path:"),
    Mistake("misspelt key of a source", 'l"}\n', 'l"}\n    stage: [extract.html]\n'),
    Mistake("misspelt pack", "gopher_quality", "gopher_qualitiy"),
    Mistake("misspelt signal in a pack", "pack: gopher_quality", "pack: mine.yaml", place=r"mine\.yaml:3:14"),
    Mistake("misspelt signal of a line", "gopher_quality", "lines.yaml", place=r"lines\.yaml:4:16"),
    Mistake("misspelt bound in a table", "gopher_quality", "table.yaml", place=r"table\.yaml:3:14"),
    Mistake("misspelt bound of a step", "gopher_quality", "c4, set: {lines.ends_as_sentenc.min: 0}"),
    Mistake("misspelt column of a table", "gopher_quality", "column.yaml"),
    Mistake("misspelt bound of a pack", "pack: gopher_quality", "pack: gopher_quality, set: {word_counts.min: 80}"),
    Mistake("unknown language", "[en, de]", "[en, deutsch]"),
    Mistake("unknown variable", "${output}", "${outptu}"),
    Mistake("unknown key at the top", "run:", "runs:"),
    Mistake("unknown run option", "workers: 1", "worker: 1"),
    Mistake("needs of an unknown stage", "workers: 1", "ray: {needs: {dedup.minhahs: {memory: 2GB}}}"),
    Mistake("unknown field of run.ray", "workers: 1", "ray: {runtime: {}}"),
    Mistake("unknown source in only", LANGUAGE, "quality.language: {keep: en, only: page}"),
    Mistake("unknown source in except", LANGUAGE, "quality.language: {keep: en, except: [books]}"),
    Mistake("unknown source in priority", MINHASH, "dedup.minhash: {priority: [books, pages]}"),
    Mistake("unknown type of personal data", MINHASH, "privacy.pii: {mask: [emial]}"),
    Mistake("unknown tokenizer", MINHASH, "tokenize.encode: {tokenizer: trained}"),
    Mistake("missing tokenizer file", MINHASH, "tokenize.encode: {tokenizer: my/tokenizer.json}"),
    Mistake("misspelt name of a trained tokenizer", MINHASH, TRAIN + "{tokenizer: traind}"),
    Mistake("a third-party stage that cannot be imported", MINHASH, "acme.filters:Shouting"),
    Mistake("unknown recipe", command=("check", "quickstrat"), place="quickstrat"),
    # values
    Mistake("wrong type", "verify: 0.8", "verify: high"),
    Mistake("number out of its range", "verify: 0.8", "verify: 80"),
    Mistake("needs below nothing", "workers: 1", "ray: {needs: {dedup.minhash: {GPU: -1}}}"),
    Mistake("needs that are no size", "workers: 1", "ray: {needs: {dedup.minhash: {memory: much}}}"),
    Mistake("negative number", MINHASH, "dedup.minhash: {bands: -1}"),
    Mistake("bad number of bytes", '"${output}"}', '"${output}", shard_bytes: 256 megs}'),
    Mistake("neither number nor auto", "workers: 1", "workers: many"),
    Mistake("negative number of bytes", '"${output}"}', '"${output}", shard_bytes: -1}'),
    Mistake("a pattern that is no text", '"pages/*.jsonl"', "1"),
    Mistake("a list where a map is due", RULES, "quality.rules: [gopher_quality]"),
    Mistake("a value where a map is due", RULES, "quality.rules: gopher_quality"),
    Mistake("a map where a list is due", recipe=GOOD.replace("  - ", "    ")),
    Mistake("a required field is missing", RULES, "quality.rules"),
    Mistake("a variable that is a list", "output: out", "output: [out]"),
    Mistake("texts to be masked and no stage that masks", "workers: 1", "keep_rejected: text"),
    Mistake("two actions for one type", MINHASH, "privacy.pii: {mask: [email], remove: [email]}"),
    # the shape of a recipe
    Mistake("missing version line", "corpusforge: 1\n", ""),
    Mistake("another version", "corpusforge: 1", "corpusforge: 2"),
    Mistake("empty recipe", recipe=""),
    Mistake("a list instead of a recipe", recipe="- quality.language\n"),
    Mistake("no sources", recipe="corpusforge: 1\nwrite.parquet: {path: out}\n"),
    Mistake("empty sources", recipe="corpusforge: 1\nsources:\nwrite.parquet: {path: out}\n"),
    Mistake("no output", 'write.parquet: {path: "${output}"}\n', ""),
    Mistake("a source without a reader", 'read.jsonl: {paths: "pages/*.jsonl"}', "stages: []"),
    Mistake("a source with two readers", "stages:\n  - q", '    read.text: {paths: "x"}\nstages:\n  - q'),
    Mistake("two stages in one map", "  - " + RULES, "    " + RULES),
    Mistake("a stage that is a number", MINHASH, "13"),
    Mistake("a reader among the stages", MINHASH, 'read.text: {paths: "x"}'),
    Mistake("a stage as reader", "read.jsonl:", "extract.html:"),
    Mistake("a writer among the stages", MINHASH, "write.parquet: {path: x}"),
    Mistake("a name that cannot be a source", "  pages:", '  "my pages":'),
    # YAML itself
    Mistake("duplicate key", "run: {workers: 1}", "run: {workers: 1}\nrun: {workers: 2}"),
    Mistake("duplicate field", "{verify: 0.8}", "{verify: 0.8, verify: 0.7}"),
    Mistake("tab indentation", "  - " + RULES, "\t- " + RULES),
    Mistake("an unclosed bracket", "[en, de]", "[en, de"),
    Mistake("not UTF-8", recipe=GOOD.replace("pages:", "b\xfccher:").encode("latin-1")),
    # columns and files
    Mistake("a column that nothing makes", LANGUAGE, "extract.html"),
    Mistake("a column of keep that nothing makes", MINHASH, "dedup.minhash: {keep: languge_score}"),
    Mistake("a column that is gone", MINHASH, TRAIN + "{tokenizer: trained, write_text: false}\n  - dedup.exact"),
    Mistake("missing input file", "pages/*.jsonl", "page/*.jsonl"),
    Mistake("missing list of inputs", '"pages/*.jsonl"', '"@pages.paths"'),
    Mistake("missing evaluation files", MINHASH, 'dedup.decontaminate: {against: "evals/*.jsonl"}'),
    Mistake("missing model", LANGUAGE, "quality.language: {model: my.ftz}"),
    Mistake("missing list of domains", LANGUAGE, "quality.urls: {blocked_domains: hosts.txt}"),
    Mistake("missing word list", LANGUAGE, "quality.toxicity: {lists: rude.en.txt}"),
    # the layout and the writer
    Mistake("misspelt part of the layout", "run:", "layout: {oder: shuffled}\nrun:"),
    Mistake("misspelt field of a mix", "run:", "layout:\n  mix: {source: {pages: 1}}\nrun:"),
    Mistake("misspelt field of a share", "run:", "layout:\n  mix:\n    sources:\n      pages: {fration: 1}\nrun:"),
    Mistake("a share of more than one kind", "run:", "layout: {mix: {sources: {pages: {epochs: 1, budget: 5}}}}\nrun:"),
    Mistake("fractions that do not sum to 1", "run:", "layout: {mix: {sources: {pages: 0.9}}}\nrun:"),
    Mistake("a mix of an unknown source", "run:", "layout: {mix: {sources: {page: 1}}}\nrun:"),
    Mistake("a mix that leaves a source out", "sources:", MIX + "sources:\n  books: {read.text: {paths: pages}}"),
    Mistake("a mix by tokens without tokens", "run:", "layout: {mix: {unit: tokens, sources: {pages: 1}}}\nrun:"),
    Mistake("misspelt mixture", "run:", "layout: {mix: {preset: lama, map: {}}}\nrun:"),
    Mistake("an entry of a mixture without a source", "run:", "layout: {mix: {preset: llama, map: {c4: pages}}}\nrun:"),
    Mistake("a mix in reading order", "run:", "layout: {order: reading, mix: {sources: {pages: 1}}}\nrun:"),
    Mistake("upsampling by an unknown column", "run:", "layout: {upsample: {column: x, copies: {2: 2}}}\nrun:"),
    Mistake("upsampling by text", "run:", "layout: {upsample: {column: url, copies: {2: 2}}}\nrun:"),
    Mistake("upsampling to no copy", "run:", "layout: {upsample: {copies: {2: 0}}}\nrun:"),
    Mistake("two sizes of a validation split", "run:", "layout: {validation: {fraction: 0.1, documents: 5}}\nrun:"),
    Mistake("a cluster that is not there", "run:", "layout: {validation: {fraction: 0.1, cluster: cluster}}\nrun:"),
    Mistake("packing without tokens", "run:", "layout: {pack: {length_tokens: 2048}}\nrun:"),
    Mistake("an unknown way to pack", "run:", "layout: {pack: {method: bestfit}}\nrun:"),
    Mistake("dropping with best_fit", "run:", "layout: {pack: {method: best_fit, short: drop}}\nrun:"),
    Mistake("misspelt writer", "write.parquet", "write.parqet"),
    Mistake("a writer of tokens without tokens", "write.parquet", "write.memmap"),
    Mistake("a column to write that is not there", '"${output}"}', '"${output}", columns: [txt]}'),
    Mistake("folders by a column that is not there", '"${output}"}', '"${output}", partition_by: lang}'),
    Mistake("folders by numbers with fractions", '"${output}"}', '"${output}", partition_by: language_score}'),
    # the command line
    Mistake("--set of an unknown variable", command=("check", "recipe.yaml", "--set", "vars.input=x"), place=SET),
    Mistake("--set without a value", command=("check", "recipe.yaml", "--set", "vars.output"), place=SET),
    Mistake("--set of an unknown part", command=("check", "recipe.yaml", "--set", "writer.path=x"), place=SET),
    Mistake("--set of an unknown option", command=("check", "recipe.yaml", "--set", "run.worker=2"), place=SET),
)  # fmt: skip


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "pages").mkdir()
    (tmp_path / "pages" / "a.jsonl").write_text('{"text": "The cat sat on the mat."}\n')
    (tmp_path / "mine.yaml").write_text("about: Mine.\nrules:\n  - {signal: word_cuont, min: 50}\n")
    lines = "lines:\n  steps:\n    - {signal: word_cuont, min: 3}\n"
    (tmp_path / "lines.yaml").write_text("about: Mine.\n" + lines)
    table = "by: language\ntable: {fr: {word_cuont.min: 3}}\nrules: [{signal: word_count, min: 5}]\n"
    (tmp_path / "table.yaml").write_text("about: Mine.\n" + table)
    (tmp_path / "column.yaml").write_text(
        "about: Mine.\n" + table.replace("uon", "oun").replace("language", "langauge")
    )
    return tmp_path


def errors_of(folder: Path, command: tuple[str, ...], capsys: pytest.CaptureFixture[str]) -> tuple[object, list[str]]:
    capsys.readouterr()
    with pytest.raises(SystemExit) as ended:
        main(list(command))
    lines = capsys.readouterr().err.replace(str(folder), "FOLDER").splitlines()
    return ended.value.code, lines


def write(folder: Path, mistake: Mistake) -> None:
    recipe = mistake.recipe
    if recipe is None:
        assert mistake.old in GOOD
        recipe = GOOD.replace(mistake.old, mistake.new, 1)
    (folder / "recipe.yaml").write_bytes(recipe if isinstance(recipe, bytes) else recipe.encode())


def test_the_recipe_without_mistakes_is_right(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "recipe.yaml").write_text(GOOD)
    assert errors_of(folder, ("check", "recipe.yaml"), capsys) == (0, [])


def test_no_is_norwegian(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "recipe.yaml").write_text(GOOD.replace("[en, de]", "[no]"))
    assert errors_of(folder, ("check", "recipe.yaml"), capsys) == (0, [])


@pytest.mark.parametrize("mistake", MISTAKES, ids=lambda m: m.name)
def test_a_mistake_gives_one_message_with_its_place(
    mistake: Mistake, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write(folder, mistake)
    code, lines = errors_of(folder, mistake.command, capsys)
    assert code == 2, lines
    assert len(lines) == 1, lines
    assert re.match(rf"error: {mistake.place}: ", lines[0]), lines[0]
    assert not (folder / "out").exists()
    if not os.environ.get("CORPUSFORGE_UPDATE"):
        assert lines[0] == golden()[mistake.name]


def test_an_output_of_another_recipe_is_left_alone(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    recipe = GOOD.replace("  - " + RULES + "\n", "")
    (folder / "recipe.yaml").write_text(recipe)
    assert errors_of(folder, ("run", "recipe.yaml"), capsys)[0] == 0
    before = (folder / "out" / "manifest.json").read_bytes()
    (folder / "recipe.yaml").write_text(recipe.replace("0.8", "0.7"))
    code, lines = errors_of(folder, ("run", "recipe.yaml"), capsys)
    assert (code, len(lines)) == (2, 1)
    assert lines[0].startswith("error: FOLDER/out was finished by another recipe; different: stage 1 dedup.minhash.")
    assert "--replace" in lines[0]
    assert (folder / "out" / "manifest.json").read_bytes() == before


def golden() -> dict[str, str]:
    text = GOLDEN.read_text(encoding="utf-8")
    return dict(block.split("\n", 1) for block in text.strip().split("\n\n"))


def test_every_golden_message_belongs_to_a_mistake(
    folder: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    if os.environ.get("CORPUSFORGE_UPDATE"):
        GOLDEN.parent.mkdir(exist_ok=True)
        GOLDEN.write_text("\n\n".join(_blocks(folder, capsys)) + "\n", encoding="utf-8")
    assert list(golden()) == [mistake.name for mistake in MISTAKES]


def _blocks(folder: Path, capsys: pytest.CaptureFixture[str]) -> Iterator[str]:
    for mistake in MISTAKES:
        write(folder, mistake)
        yield "\n".join([mistake.name, *errors_of(folder, mistake.command, capsys)[1]])
