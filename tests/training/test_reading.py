"""Texts to learn from are read as a run reads them."""

import gzip
from pathlib import Path

import orjson
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from corpusforge.errors import RecipeError, TooManyErrors
from corpusforge.training.reading import Gathered, TextSource, from_paths, from_recipe, read_texts

RECIPE = """
corpusforge: 1
sources:
  plain:
    read.jsonl: {paths: data/a.jsonl.gz}
  unique:
    read.jsonl: {paths: data/a.jsonl.gz}
    stages: [dedup.exact]
stages:
  - quality.rules: {pack: gopher_quality}
write.parquet: {path: out}
"""


@pytest.fixture(autouse=True)
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of JSON Lines (compressed), Parquet and text, and a recipe."""
    folder = tmp_path / "data"
    folder.mkdir()
    (folder / "a.jsonl.gz").write_bytes(
        gzip.compress(b"".join(orjson.dumps({"text": f"a{i}"}) + b"\n" for i in range(5)))
    )
    pq.write_table(pa.table({"text": ["b0", "b1", None]}), folder / "b.parquet")
    (folder / "c.txt").write_text("c0\nc1\n")
    (folder / ".hidden.txt").write_text("no")
    (tmp_path / "r.yaml").write_text(RECIPE)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def texts(*sources: TextSource) -> tuple[list[str | None], Gathered]:
    """Return every text of the sources, and what was counted."""
    gathered = Gathered()
    found = [
        t for source in sources for batch in read_texts(source, gathered) for t in batch.column("text").to_pylist()
    ]
    return found, gathered


def test_a_folder_may_hold_several_formats() -> None:
    found, gathered = texts(*from_paths("x", ["data"], per="line"))
    assert sorted(t for t in found if t) == ["a0", "a1", "a2", "a3", "a4", "b0", "b1", "c0", "c1"]
    assert gathered.read == 10
    assert [i["path"] for i in gathered.inputs] == ["a.jsonl.gz", "b.parquet", "c.txt"]


def test_paths_can_stand_in_a_list(data: Path) -> None:
    (data / "list").write_text("# comment\ndata/*.parquet\n\ndata/c.txt\n")
    assert texts(*from_paths("x", ["@list"]))[0] == ["b0", "b1", None, "c0\nc1\n"]


def test_shared_stages_act_only_before_a_classifier(data: Path) -> None:
    assert len(texts(from_recipe("r.yaml", "plain"))[0]) == 5
    with_classifier = RECIPE.replace("write.parquet", "  - quality.classifier: {model: none.bin}\nwrite.parquet")
    (data / "r.yaml").write_text(with_classifier)
    found, gathered = texts(from_recipe("r.yaml", "plain"))
    assert (found, gathered.rejected) == ([], 5)


def test_stages_that_need_the_corpus_are_refused() -> None:
    with pytest.raises(RecipeError, match=r"r\.yaml:8:\d+: dedup.exact needs the whole corpus.*run the recipe first"):
        from_recipe("r.yaml", "unique")


def test_an_unknown_source_is_named() -> None:
    with pytest.raises(RecipeError, match=r"there is no source 'plan'\. Did you mean 'plain'"):
        from_recipe("r.yaml", "plan")


def test_too_much_that_cannot_be_read_is_an_error(data: Path) -> None:
    (data / "broken.jsonl").write_text("not json\n" * 20 + '{"text": "a"}\n')
    with pytest.raises(TooManyErrors, match=r"20 of 21 documents of 'x' .*broken.jsonl#0, read.jsonl: not JSON"):
        texts(*from_paths("x", ["broken.jsonl"]))
