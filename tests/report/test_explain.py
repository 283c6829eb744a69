"""Why a document is where it is, over a small run that leaves documents in every place."""

from pathlib import Path
from typing import Any

import orjson
import pyarrow.parquet as pq
import pytest

from corpusforge.cli import main
from corpusforge.errors import OutputError, RunError
from corpusforge.report.explain import explain

STORY = " ".join(f"On day {i} the fox and the owl met animal number {i} of the old forest." for i in range(12))
DOCUMENTS = {
    "https://example.org/story": STORY,
    "https://example.org/same": STORY,
    "https://example.org/near": STORY.removesuffix(" old forest."),
    "https://example.org/short": "The fox and the owl.",
    "https://example.org/menu": "Home of the fox\n" * 40,
    "https://example.org/other": " ".join(f"The baker of town {i} sells bread with seed {i}." for i in range(30)),
}
RECIPE = """
corpusforge: 1
sources:
  pages:
    read.jsonl: {{paths: "{folder}/*.jsonl"}}
stages:
  - quality.rules: {{pack: {folder}/lines.yaml}}
  - quality.rules: {{pack: {folder}/words.yaml, set: {{word_count.min: 20}}}}
  - normalize.unicode
  - quality.rules: {{pack: {folder}/words.yaml}}
  - dedup.exact
  - dedup.minhash
write.parquet: {{path: "{folder}/out"}}
run: {{workers: 1, max_error_fraction: 0.5, keep_rejected: {keep}}}
"""
LINES = "about: Lines.\nrules:\n  - {signal: duplicate_line_fraction, max: 0.3}\n"
WORDS = "about: Words.\nrules:\n  - {signal: word_count, min: 5}\n  - {signal: mean_word_length, max: 10}\n"


def run_in(folder: Path, keep: str = "ids") -> Path:
    lines = [orjson.dumps({"url": url, "text": text}) for url, text in DOCUMENTS.items()]
    (folder / "pages.jsonl").write_bytes(b"\n".join(lines) + b"\nbroken\n")
    (folder / "lines.yaml").write_text(LINES)
    (folder / "words.yaml").write_text(WORDS)
    (folder / "recipe.yaml").write_text(RECIPE.format(folder=folder, keep=keep))
    with pytest.raises(SystemExit) as ended:
        main(["run", str(folder / "recipe.yaml")])
    assert ended.value.code == 0
    return folder / "out"


@pytest.fixture(scope="module")
def output(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return run_in(tmp_path_factory.mktemp("explain"))


def one(output: Path, page: str) -> dict[str, Any]:
    (account,) = explain(output, f"https://example.org/{page}")
    return account


def outcomes(account: dict[str, Any]) -> list[str]:
    return [stage["outcome"] for stage in account["stages"]]


def test_a_kept_document_is_found_in_its_shard_and_row(output: Path) -> None:
    account = one(output, "other")
    assert account["status"] == "kept"
    assert outcomes(account) == ["passed"] * 7
    table = pq.read_table(output / account["place"]["file"])
    assert table["url"][account["place"]["row"]].as_py() == "https://example.org/other"
    assert account["cluster"] == {"id": None, "size": 1}


def test_doc_id_url_and_origin_name_the_same_document(output: Path) -> None:
    account = one(output, "other")
    assert explain(output, account["doc_id"]) == explain(output, account["origin"]) == [account]


@pytest.mark.parametrize(
    ("page", "at", "reason"), [("menu", 1, "duplicate_line_fraction_above_max"), ("short", 2, "word_count_below_min")]
)
def test_two_rule_stages_are_told_apart(output: Path, page: str, at: int, reason: str) -> None:
    account = one(output, page)
    assert account["rejected"]["reason"] == reason
    assert outcomes(account) == ["passed"] * at + ["rejected"] + ["not reached"] * (6 - at)


def test_signals_stand_beside_the_bounds_that_the_recipe_set(output: Path) -> None:
    signals = {signal["name"]: signal for signal in one(output, "short")["signals"]}
    assert signals["word_count"]["value"] == 5
    assert (signals["word_count"]["min"], signals["word_count"]["within"]) == (20, False)
    assert signals["mean_word_length"]["within"]
    assert signals["duplicate_line_fraction"]["pack"] == "lines"


def test_rules_before_and_after_an_edit_are_measured_apart(output: Path) -> None:
    bounds = [(s["name"], s["min"]) for s in one(output, "other")["signals"] if s["name"] == "word_count"]
    assert bounds == [("word_count", 20), ("word_count", 5)]
    assert len([s for s in one(output, "short")["signals"] if s["name"] == "word_count"]) == 1


def test_a_copy_names_the_text_that_stays_and_where_it_is(output: Path) -> None:
    copies = [one(output, "story"), one(output, "same")]
    (gone,) = [account for account in copies if account["status"] == "rejected"]
    (stays,) = [account for account in copies if account["status"] == "kept"]
    assert gone["rejected"]["reason"] == "exact_duplicate"
    assert gone["keeper"]["doc_id"] == stays["doc_id"]
    assert gone["keeper"]["place"] == stays["place"]


def test_a_near_copy_is_in_the_cluster_of_its_keeper(output: Path) -> None:
    account = one(output, "near")
    assert account["rejected"]["reason"] == "near_duplicate"
    assert account["keeper"]["status"] == "kept"
    assert account["cluster"]["size"] == 2
    assert account["cluster"]["id"] in (account["doc_id"], account["keeper"]["doc_id"])


def test_a_quarantined_document_shows_its_error(output: Path) -> None:
    origin = f"pages.jsonl#{(output.parent / 'pages.jsonl').read_bytes().index(b'broken')}"
    (account,) = explain(output, origin)
    assert account["status"] == "quarantined"
    assert "not JSON" in account["quarantined"]["error"]
    assert outcomes(account) == ["quarantined"] + ["not reached"] * 6


def test_an_unknown_document_is_an_error_that_says_what_is_accepted(output: Path) -> None:
    with pytest.raises(
        RunError, match=r"no document has the doc_id, URL, origin or path 'nobody', or this in its text.*position"
    ):
        explain(output, "nobody")


def test_a_folder_without_a_finished_run_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="no finished run"):
        explain(tmp_path, "nobody")


def test_a_missing_part_points_to_verify(tmp_path: Path) -> None:
    output = run_in(tmp_path, keep="none")
    with pytest.raises(RunError, match="keep_rejected: none"):
        explain(output, "https://example.org/short")
    next((output / "data").iterdir()).unlink()
    with pytest.raises(RunError, match="corpusforge verify"):
        explain(output, "https://example.org/other")


def test_bounds_of_a_pack_that_changed_since_the_run_are_not_shown(tmp_path: Path) -> None:
    output = run_in(tmp_path)
    (tmp_path / "words.yaml").write_text(WORDS.replace("max: 10", "max: 9"))
    signals = {signal["name"]: signal for signal in one(output, "short")["signals"]}
    assert signals["word_count"] == {"name": "word_count", "value": 5}


@pytest.mark.parametrize("page", ["other", "short", "near"])
def test_the_command_prints_the_outcome_first(output: Path, page: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["explain", str(output), f"https://example.org/{page}"])
    printed = capsys.readouterr().out.splitlines()
    assert ended.value.code == 0
    expected = {
        "other": "kept: data/part-00000.parquet, row ",
        "short": "rejected by quality.rules: word_count_below_min, value 5",
        "near": "rejected by dedup.minhash: near_duplicate, value 0.9",
    }
    assert printed[0].startswith(expected[page])


def test_the_command_prints_json_and_fails_with_code_1(output: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["explain", str(output), "https://example.org/near", "--json"])
    assert orjson.loads(capsys.readouterr().out) == explain(output, "https://example.org/near")
    with pytest.raises(SystemExit) as ended:
        main(["explain", str(output), "nobody"])
    assert ended.value.code == 1
    assert capsys.readouterr().err.startswith("error: ")


def test_what_a_pack_took_from_a_text_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "pages.jsonl").write_bytes(orjson.dumps({"url": "https://example.org/a", "text": "Menu\n" + STORY}))
    (tmp_path / "cut.yaml").write_text("about: Cut.\nlines:\n  steps:\n    - {signal: word_count, min: 2}\n")
    (tmp_path / "words.yaml").write_text(WORDS)
    (tmp_path / "recipe.yaml").write_text(
        f"corpusforge: 1\nsources: {{pages: {{read.jsonl: {{paths: '{tmp_path}/*.jsonl'}}}}}}\nstages:\n"
        + "".join(f"  - quality.rules: {{pack: {tmp_path}/{name}.yaml}}\n" for name in ("words", "cut", "words"))
        + f"write.parquet: {{path: '{tmp_path}/out'}}\nrun: {{workers: 1}}\n"
    )
    with pytest.raises(SystemExit):
        main(["run", str(tmp_path / "recipe.yaml")])
    account = one(tmp_path / "out", "a")
    sizes = {"chars_before": len(STORY) + 5, "chars_after": len(STORY)}
    assert account["edits"] == [{"pack": "cut", **sizes}]
    counts = [signal["value"] for signal in account["signals"] if signal["name"] == "word_count"]
    assert counts[0] == counts[1] + 1  # blocks before and after the edit measure apart
    capsys.readouterr()
    with pytest.raises(SystemExit):
        main(["explain", str(tmp_path / "out"), "https://example.org/a"])
    assert "edited by cut" in capsys.readouterr().out


FATES = {
    "kept": " ".join(f"The miller of place {i} grinds wheat number {i} for the town." for i in range(14)),
    "foreign": " ".join(f"Der Müller von Dorf {i} mahlt heute den Weizen für die Stadt." for i in range(14)),
    "short": "Too short to be of use.",
    "listed": " ".join(f"What an asshole said the man of year {i} to them all." for i in range(14)),
    "exam": "Which of these rivers flows past the old castle of the blue duke and then on to the distant sea? " * 3,
    "mail": " ".join(f"Ask the clerk of office {i} about the new rules." for i in range(14)) + " Mail jo.roe@web.org.",
}
FATES["near"] = FATES["kept"].replace("number 7 for the town", "number 7 for jane.roe@web.org")
FATES["same"] = FATES["kept"]


@pytest.fixture(scope="module")
def fates(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run with a document for every way to end, which keeps the texts of those it rejects."""
    folder = tmp_path_factory.mktemp("fates")
    rows = [orjson.dumps({"url": f"https://example.org/{name}", "text": text}) for name, text in FATES.items()]
    (folder / "pages.jsonl").write_bytes(b"\n".join(rows) + b"\nbroken\n")
    (folder / "exam.jsonl").write_bytes(orjson.dumps({"text": FATES["exam"][:96]}) + b"\n")
    (folder / "words.yaml").write_text(WORDS)
    (folder / "recipe.yaml").write_text(
        f"corpusforge: 1\nsources: {{pages: {{read.jsonl: {{paths: '{folder}/pages.jsonl'}}}}}}\nstages:\n"
        "  - quality.language: {keep: [en], min_score: 0.4}\n"
        f"  - quality.rules: {{pack: {folder}/words.yaml, set: {{word_count.min: 10}}}}\n"
        "  - quality.words\n  - dedup.exact\n"
        f"  - dedup.decontaminate: {{against: '{folder}/exam.jsonl', ngram: 8}}\n"
        "  - dedup.minhash\n  - privacy.pii: {mask: [email]}\n"
        f"write.parquet: {{path: '{folder}/out'}}\n"
        "run: {workers: 1, max_error_fraction: 0.5, keep_rejected: text}\n"
    )
    with pytest.raises(SystemExit) as ended:
        main(["run", str(folder / "recipe.yaml")])
    assert ended.value.code == 0
    return folder / "out"


def gone_for(output: Path, reason: str) -> dict[str, Any]:
    accounts = [one(output, page) for page in FATES]
    return next(a for a in accounts if a.get("rejected", {}).get("reason") == reason)


@pytest.mark.parametrize(
    ("stage", "reason", "pages"),
    [
        ("quality.language", "wrong_language", {"foreign"}),
        ("quality.rules", "word_count_below_min", {"short"}),
        ("quality.words", "listed_words_above_max", {"listed"}),
        ("dedup.exact", "exact_duplicate", {"same", "kept"}),
        ("dedup.decontaminate", "contaminated", {"exam"}),
        ("dedup.minhash", "near_duplicate", {"near", "same", "kept"}),
    ],
)
def test_the_stage_that_rejected_is_named_and_those_behind_it_not_reached(
    fates: Path, stage: str, reason: str, pages: set[str]
) -> None:
    account = gone_for(fates, reason)
    assert account["url"].rpartition("/")[2] in pages
    assert account["rejected"]["stage"] == stage
    way = [(entry["name"], entry["outcome"]) for entry in account["stages"]]
    at = way.index((stage, "rejected"))
    assert {outcome for _, outcome in way[:at]} == {"passed"}
    assert {outcome for _, outcome in way[at + 1 :]} == {"not reached"}
    record = pq.read_table(fates / account["record"]["file"])
    assert record["doc_id"][account["record"]["row"]].as_py() == account["doc_id"]


def test_what_stages_measured_of_a_kept_document_stands_beside_their_bounds(fates: Path) -> None:
    stages = {entry["name"]: entry for entry in one(fates, "mail")["stages"]}
    assert stages["quality.language"]["measured"]["language"] == "en"
    assert stages["quality.language"]["measured"]["language_score"] >= 0.4
    assert stages["quality.language"]["bounds"].items() >= {"min_score": 0.4}.items()
    assert stages["quality.language"]["bounds"]["keep"] == ["en"]


def test_personal_data_that_was_changed_is_counted_by_type_with_its_action(fates: Path) -> None:
    assert one(fates, "mail")["pii"] == [{"type": "email", "spans": 1, "action": "mask"}]


def test_a_near_copy_shows_how_the_kept_text_differs_and_masks_addresses(fates: Path) -> None:
    account = gone_for(fates, "near_duplicate")
    changes = {"wheat number 7 for [-<EMAIL>.-] [+the town.+] The miller of place"}
    changes |= {"wheat number 7 for [-the town.-] [+<EMAIL>.+] The miller of place"}  # whichever stays
    assert len(account["difference"]) == 1 and set(account["difference"]) <= changes
    (keeper,) = explain(fates, account["keeper"]["doc_id"])
    assert {"doc_id": account["doc_id"], "difference": account["difference"]}.items() <= next(
        copy for copy in keeper["copies"] if copy["reason"] == "near_duplicate"
    ).items()


def test_a_piece_of_text_finds_kept_and_rejected_documents(fates: Path) -> None:
    (account,) = explain(fates, "clerk of office 3 about")
    assert account["url"] == "https://example.org/mail"
    text = pq.read_table(fates / account["place"]["file"])["text"][account["place"]["row"]].as_py()
    assert "clerk of office 3 about" in text
    assert [a["status"] for a in explain(fates, "Too short to be")] == ["rejected"]


def test_the_command_says_what_was_masked_and_what_differs(fates: Path, capsys: pytest.CaptureFixture[str]) -> None:
    near = gone_for(fates, "near_duplicate")["doc_id"]
    wanted = {one(fates, "mail")["doc_id"]: "personal data: email, 1 spans, action mask"}
    wanted |= {near: "the text that stays differs"}
    for doc_id, line in wanted.items():
        with pytest.raises(SystemExit):
            main(["explain", str(fates), doc_id])
        printed = capsys.readouterr().out
        assert line in printed
        assert "jane.roe" not in printed


def test_the_action_of_personal_data_is_the_one_of_its_type_or_of_the_rest(tmp_path: Path) -> None:
    (tmp_path / "in.jsonl").write_bytes(orjson.dumps({"text": "Mail jo@web.org or call (212) 664-7665.", "url": "u"}))
    (tmp_path / "secret").write_bytes(b"not a secret")
    pii = f"privacy.pii: {{hash: [email], remove: [rest], key_file: {tmp_path}/secret}}"
    (tmp_path / "recipe.yaml").write_text(
        f"corpusforge: 1\nsources: {{mail: {{read.jsonl: {{paths: '{tmp_path}/in.jsonl'}}}}}}\n"
        f"stages: [{pii}]\nwrite.parquet: {{path: '{tmp_path}/out'}}\nrun: {{workers: 1}}\n"
    )
    with pytest.raises(SystemExit) as ended:
        main(["run", str(tmp_path / "recipe.yaml")])
    assert ended.value.code == 0
    (account,) = explain(tmp_path / "out", "u")
    assert {entry["type"]: entry["action"] for entry in account["pii"]} == {"email": "hash", "phone": "remove"}
