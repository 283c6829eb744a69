"""Two runs of one input side by side, and the card of one of them."""

import json
from pathlib import Path
from typing import Any

import orjson
import pyarrow.parquet as pq
import pytest
from ruamel.yaml import YAML

from corpusforge.cli import main
from corpusforge.report import card as cards
from corpusforge.report import compare as comparing
from corpusforge.report.compare import compare

STORY = " ".join(f"On day {i} the fox and the owl met animal number {i} of the old forest." for i in range(12))
LICENCE = "MIT|<b>"
DOCUMENTS = [
    {"text": STORY, "url": "https://a.org/story", "license": LICENCE, "language": "no"},
    {"text": STORY, "url": "https://a.org/copy", "license": LICENCE, "language": "no"},
    {"text": "You stupid bastard, fuck off.", "url": "https://a.org/mail/jane.roe@web-mail.org", "language": "en"},
    *({"text": f"The baker of town {i} sells bread. " * (i + 1), "url": f"https://b.org/{i}"} for i in range(20)),
]
BOUNDS = "stop_word_count.min: 0, alphabetic_word_fraction.min: 0.5"
RECIPE = """
corpusforge: 1
sources:
  pages:
    read.jsonl: {{paths: "{folder}/*.jsonl"}}
stages:
  - quality.rules: {{pack: gopher_quality, set: {{{bounds}, word_count.min: {least}}}}}
{more}
write.parquet: {{path: "{folder}/{name}"}}
run: {{workers: 1, keep_rejected: {keep}}}
"""


def run_in(folder: Path, name: str, least: int, more: str = "  - dedup.exact", keep: str = "ids") -> Path:
    recipe = folder / f"{name}.yaml"
    recipe.write_text(RECIPE.format(folder=folder, name=name, bounds=BOUNDS, least=least, more=more, keep=keep))
    with pytest.raises(SystemExit) as ended:
        main(["run", str(recipe)])
    assert ended.value.code == 0
    return folder / name


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    folder = tmp_path_factory.mktemp("two")
    (folder / "pages.jsonl").write_bytes(b"\n".join(orjson.dumps(row) for row in DOCUMENTS))
    return run_in(folder, "a", 3), run_in(folder, "b", 50, "  - quality.toxicity")


def fates(output: Path) -> dict[str, str]:
    """Return the fate of every document, read plainly."""
    kept = {row["doc_id"]: "kept" for row in pq.read_table(output / "data").to_pylist()}
    gone = pq.read_table(output / "rejected").to_pylist()
    return kept | {row["doc_id"]: f"rejected by {row['stage']}: {row['reason']}" for row in gone}


@pytest.mark.parametrize("rows", [1 << 20, 5])
def test_every_document_that_changed_sides_is_counted_with_the_stage_that_did_it(
    runs: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch, rows: int
) -> None:
    monkeypatch.setattr(comparing, "PARTITION_ROWS", rows)
    a, b = (fates(run) for run in runs)
    due: dict[tuple[str, str], int] = {}
    for doc_id in a:
        due[a[doc_id], b[doc_id]] = due.get((a[doc_id], b[doc_id]), 0) + 1
    said = compare(*runs, samples=2)
    assert {(move["a"], move["b"]): move["documents"] for move in said["moves"]} == {
        pair: count for pair, count in due.items() if pair[0] != pair[1]
    }
    assert said["same"] == sum(count for (x, y), count in due.items() if x == y)
    for move in said["moves"]:
        assert len(move["samples"]) == min(2, move["documents"])
        assert all((a[s["doc_id"]], b[s["doc_id"]]) == (move["a"], move["b"]) for s in move["samples"])


def test_recipes_and_funnels_are_told_apart_stage_by_stage(runs: tuple[Path, Path]) -> None:
    said = compare(*runs)
    assert {entry["name"] for entry in said["recipe"]} >= {"stage 0 quality.rules", "stage 1 dedup.exact"}
    assert said["versions"] == said["inputs"] == []
    rows = {row["stage"]: row for row in said["stages"]}
    assert rows["quality.rules gopher_quality"]["a"]["kept"] > rows["quality.rules gopher_quality"]["b"]["kept"]
    assert rows["dedup.exact"]["b"] is None
    assert rows["quality.toxicity"]["a"] is None


def test_a_run_equals_itself(runs: tuple[Path, Path]) -> None:
    said = compare(runs[0], runs[0])
    assert said["equal"]
    assert said["moves"] == []
    assert said["same"] == len(DOCUMENTS)


def test_what_a_run_without_record_rejected_is_not_called_unread(runs: tuple[Path, Path], tmp_path: Path) -> None:
    (tmp_path / "pages.jsonl").write_bytes(b"\n".join(orjson.dumps(row) for row in DOCUMENTS))
    said = compare(run_in(tmp_path, "c", 50, keep="none"), runs[0])
    assert {move["a"] for move in said["moves"]} == {comparing.UNRECORDED}


def test_the_commands_output_is_json_and_its_page_shows_no_text_and_no_address(
    runs: tuple[Path, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["compare", *map(str, runs), "--json", "--page", str(tmp_path / "page.html")])
    assert ended.value.code == 0
    assert json.loads(capsys.readouterr().out)["documents"]["a"]["read"] == len(DOCUMENTS)
    page = (tmp_path / "page.html").read_text(encoding="utf-8")
    assert "https://b.org/" in page
    assert "jane.roe" not in page
    assert "bastard" not in page


# ------------------------------------------------------------------------------------------------- card


@pytest.fixture(scope="module")
def card(runs: tuple[Path, Path]) -> str:
    return cards.card(runs[0])


def header(card: str) -> dict[str, Any]:
    old = YAML(typ="safe", pure=True)
    old.version = (1, 1)  # as the hub reads it
    return dict(old.load(card.split("---\n")[1]))


def test_the_header_says_what_the_files_hold(runs: tuple[Path, Path], card: str) -> None:
    about = header(card)
    table = pq.read_table(runs[0] / "data")
    assert [feature["name"] for feature in about["dataset_info"]["features"]] == table.column_names
    (split,) = about["dataset_info"]["splits"]
    assert split["num_examples"] == table.num_rows
    assert about["dataset_info"]["download_size"] == sum(f.stat().st_size for f in runs[0].glob("data/*"))
    ((files,),) = [config["data_files"] for config in about["configs"]]
    assert list(runs[0].glob(files["path"]))
    assert about["size_categories"] == ["n<1K"]
    assert about["license"] == "other"
    assert about["language"] == ["en", "no"]  # Norwegian, not false


def test_the_body_names_each_stage_with_its_paper_and_every_loss(runs: tuple[Path, Path], card: str) -> None:
    manifest = orjson.loads((runs[0] / "manifest.json").read_bytes())
    assert "arXiv:2112.11446, section A1.1" in card
    for stage in manifest["stages"][1:]:
        assert f"**{stage['name']}" in card
        for reason, count in stage["rejected"].items():
            assert f"| {cards.markdown(reason)} | {count} |" in card


def test_a_licence_cannot_break_the_table_or_become_markup(card: str) -> None:
    assert r"MIT\|&lt;b&gt;" in card.split("---\n", 2)[2]


def test_an_edited_card_is_not_overwritten(runs: tuple[Path, Path], capsys: pytest.CaptureFixture[str]) -> None:
    for arguments, code in (([], 0), ([], 2), (["--replace"], 0)):
        with pytest.raises(SystemExit) as ended:
            main(["card", str(runs[0]), *arguments])
        assert ended.value.code == code
    assert "is there already" in capsys.readouterr().err
