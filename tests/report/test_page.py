"""The page of a run: exact figures, nothing personal or offensive, and nothing in it can run."""

import re
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import orjson
import pyarrow.parquet as pq
import pytest

from corpusforge.cli import main
from corpusforge.report import page
from corpusforge.report.figures import figures
from corpusforge.report.losses import funnel, losses
from corpusforge.report.personal import personal

PERSONAL = ("jane.roe@web-mail.org", "(212) 664-7665", "81.2.69.160", "4012888888881881", "roe@post-office.org")
SCRIPT = "<script>alert(document.domain)</script><img src=x onerror=alert(1)>"
OFFENSIVE = "You stupid bastard, fuck off, you asshole. "
WORDS = "The ferry leaves the harbour in the morning and comes to the island before noon, they say, on most days. "
DOCUMENTS = [
    {"text": f"Write to {PERSONAL[0]} or call {PERSONAL[1]}. Host {PERSONAL[2]}, card {PERSONAL[3]}.", "url": "https://a.org/1"},
    {"text": SCRIPT, "url": f"https://a.org/{SCRIPT}"},
    {"text": OFFENSIVE, "url": "https://b.org/short"},  # rejected as too short before the toxicity stage sees it
    {"text": OFFENSIVE * 9, "url": "https://b.org/toxic"},
    {"text": WORDS * 4, "url": f"https://c.org/?user={PERSONAL[4]}"},
    {"text": WORDS * 4, "url": f"http://{PERSONAL[2]}/copy?user={PERSONAL[4]}"},
    *({"text": f"{WORDS * 3} It was day {i} of the year.", "url": f"https://d{i}.org/"} for i in range(30)),
    *({"text": f"Short text {i}.", "url": f"https://e.org/{i}"} for i in range(30)),
]  # fmt: skip
RECIPE = """
corpusforge: 1
sources:
  pages:
    read.jsonl: {{paths: "{folder}/*.jsonl"}}
stages:
  - quality.rules: {{pack: {folder}/words.yaml}}
  - quality.toxicity
  - dedup.exact
  - privacy.pii
write.parquet: {{path: "{folder}/out"}}
run: {{workers: 1, max_error_fraction: 0.5, {options}}}
"""


def run_in(folder: Path, options: str = "keep_rejected: ids, samples: 100") -> Path:
    lines = b"\n".join(orjson.dumps(row) for row in DOCUMENTS)
    (folder / f"{PERSONAL[4]}.jsonl").write_bytes(lines + b"\nbroken\n")
    (folder / "words.yaml").write_text("about: Words.\nrules:\n  - {signal: word_count, min: 20}\n")
    (folder / "recipe.yaml").write_text(RECIPE.format(folder=folder, options=options))
    with pytest.raises(SystemExit) as ended:
        main(["run", str(folder / "recipe.yaml")])
    assert ended.value.code == 0
    return folder / "out"


@pytest.fixture(scope="module")
def output(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return run_in(tmp_path_factory.mktemp("page"))


@pytest.fixture(scope="module")
def html(output: Path) -> str:
    return (output / "report.html").read_text(encoding="utf-8")


def text_of(html: str) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", html.replace("<wbr>", "")))


@pytest.mark.parametrize("name", ["report.html", "report.json"])
def test_no_personal_value_and_no_offensive_text_leaves_by_default(output: Path, name: str) -> None:
    said = (output / name).read_text(encoding="utf-8")
    assert [value for value in (*PERSONAL, "bastard") if value in said] == []
    assert all(tag in said.replace("&lt;", "<").replace("&gt;", ">") for tag in ("<EMAIL>", "<PHONE>", "<CREDIT_CARD>"))


@pytest.mark.parametrize("keep", ["ids", "text", "raw_text"])
def test_no_way_to_keep_texts_lets_them_into_the_page(tmp_path: Path, keep: str) -> None:
    out = run_in(tmp_path, f"keep_rejected: {keep}, samples: 0")  # the page then falls back on rejected/
    said = (out / "report.html").read_text(encoding="utf-8")
    assert [value for value in (*PERSONAL, "bastard") if value in said] == []


def test_a_text_that_is_a_script_is_shown_and_cannot_run(html: str) -> None:
    assert "&lt;script&gt;alert(document.domain)" in html
    assert not re.search(r"<script|<img|<iframe|<[^>]*\son\w+=|javascript:", html)
    assert "default-src 'none'" in html


def test_the_page_asks_for_nothing_from_outside(html: str) -> None:
    links = re.findall(r"(?:src|href)\s*=\s*\"([^\"]*)\"|url\(([^)]*)\)", html)
    assert [found for pair in links for found in pair if found and not found.startswith("#")] == []
    assert "@import" not in html


def test_every_count_of_the_manifest_stands_in_the_page(output: Path, html: str) -> None:
    manifest = orjson.loads((output / "manifest.json").read_bytes())
    said = text_of(html)
    documents = manifest["documents"]
    assert documents["read"] == len(DOCUMENTS) + 1
    assert f"What became of {documents['read']} documents" in said
    assert f"kept: {documents['kept']} of {documents['read']} documents" in said
    for stage in manifest["stages"]:
        assert re.search(rf"{re.escape(stage['name'])}[\w ]*(?:\(pages\))? {stage['read']} {stage['kept']} ", said)
        for reason, count in stage["rejected"].items():
            assert re.search(rf"{reason} {count} [\d.<> ]+% ", said)
        if stage["rejected"]:
            lost = stage["read"] - stage["kept"]
            assert f" {stage['read']} {stage['kept']} {lost} {page.percent(lost / stage['read'])} " in said


def test_the_boxes_of_the_figure_and_the_losses_add_up_to_the_run(output: Path) -> None:
    manifest = orjson.loads((output / "manifest.json").read_bytes())
    stages, documents = manifest["stages"], manifest["documents"]
    boxes = funnel(stages)
    assert boxes[-1]["left"] == documents["kept"]
    assert sum(box["lost"] for box in boxes) == documents["read"] - documents["kept"]
    assert boxes[-1]["bytes"] == stages[-1]["bytes"]
    lost = losses(stages, [stage["name"] for stage in stages])
    assert sum(loss["documents"] for loss in lost) == documents["rejected"] + documents["quarantined"]
    assert [loss["documents"] for loss in lost] == sorted((loss["documents"] for loss in lost), reverse=True)


def test_shares_by_domain_and_source_count_every_document_once(output: Path) -> None:
    given = figures(output)
    domains = {row["name"]: (row["kept"], row["rejected"]) for row in given["domains"]}
    assert domains["e.org"] == (0, 30)
    assert domains["(an IP address)"] == (0, 1) or domains["c.org"] == (0, 1)
    (source,) = given["sources"]
    assert (source["kept"], source["read"]) == (31, len(DOCUMENTS) + 1)
    (one,) = [d for d in given["distributions"] if d.signal == "word_count"]
    assert one.below == 33
    drawn = one.histogram()
    assert drawn is not None
    assert sum(drawn["counts"]) == len(DOCUMENTS)


def test_personal_data_is_counted_by_type_and_action_from_the_manifest() -> None:
    entries = [{"name": "privacy.pii", "counts": {"pii_email": 3, "pii_ip": 0, "pii_iban": 2}}, {"name": "dedup.exact"}]
    stages: Any = SimpleNamespace(
        entries=entries, fields=[{"mask": ["email"], "replace": ["ip"], "hash": ["rest"]}, {}]
    )
    rows = personal(stages, ["privacy.pii (web)", "dedup.exact"], cast(Any, None))
    assert [(row["type"], row["action"], row["spans"]) for row in rows] == [
        ("email", "mask", 3), ("ip", "replace", 0), ("iban", "hash", 2),
    ]  # fmt: skip


def test_duplicates_removed_from_clusters_add_up_to_what_the_stage_rejected(tmp_path: Path) -> None:
    tale = " ".join(f"word{i}" for i in range(60))
    rows = [{"text": f"{tale} {'and no more' * (i % 2)} end", "url": None} for i in range(2)]
    rows += [{"text": f"{tale} {tail}", "url": None} for tail in ("once", "twice", "thrice")]
    rows += [{"text": " ".join(f"other{i}" for i in range(30)), "url": None}] * 2
    (tmp_path / "a.jsonl").write_bytes(b"\n".join(map(orjson.dumps, rows)))
    (tmp_path / "recipe.yaml").write_text(
        f"corpusforge: 1\nsources: {{a: {{read.jsonl: {{paths: '{tmp_path}/a.jsonl'}}}}}}\n"
        f"stages: [dedup.exact, dedup.minhash]\nwrite.parquet: {{path: '{tmp_path}/out'}}\nrun: {{workers: 1}}\n"
    )
    with pytest.raises(SystemExit) as ended:
        main(["run", str(tmp_path / "recipe.yaml")])
    assert ended.value.code == 0
    found = figures(tmp_path / "out")["duplicates"]
    (stage,) = [
        s for s in orjson.loads((tmp_path / "out/manifest.json").read_bytes())["stages"] if "minhash" in s["name"]
    ]
    assert found["exact"] == 1
    assert found["near"] == stage["rejected"]["near_duplicate"] > 1
    assert sum(row["removed"] for row in found["clusters"]) == found["near"]
    assert all(row["removed"] + row["kept"] + row["other"] == row["documents"] for row in found["clusters"])
    assert found["unplaced"] == 0
    said = text_of((tmp_path / "out/report.html").read_text(encoding="utf-8"))
    assert re.search(rf" all \d+ \d+ {found['near']} \d+ ", said)


def samples(output: Path) -> list[dict[str, Any]]:
    return list(orjson.loads((output / "report.json").read_bytes())["samples"])


def test_twenty_documents_of_each_reason_are_drawn_and_no_split_or_batch_changes_which(
    tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    output = run_in(tmp_path, "keep_rejected: ids")
    counts: dict[str, int] = {}
    for row in samples(output):
        counts[row["reason"]] = counts.get(row["reason"], 0) + 1
    assert counts == {"word_count_below_min": 20, "toxic": 1, "exact_duplicate": 1}
    rejected = pq.read_table(output / "rejected").to_pylist()
    keys = sorted(row["doc_id"][16:] for row in rejected if row["reason"] == "word_count_below_min")
    drawn = [row["doc_id"][16:] for row in samples(output) if row["reason"] == "word_count_below_min"]
    assert drawn == keys[:20]
    other = run_in(tmp_path_factory.mktemp("other"), "batch_bytes: 600")
    assert samples(other) == samples(output)


def test_what_a_bound_decided_is_highlighted_beside_the_bound(html: str) -> None:
    assert "<mark>word_count 3 <small>· at least 20 asked</small></mark>" in html
    assert "<b>word count below 20</b>" in html


def test_report_writes_the_page_again_and_says_where_there_is_no_run(
    output: Path, html: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (output / page.NAME).unlink()
    with pytest.raises(SystemExit) as ended:
        main(["report", str(output)])
    assert ended.value.code == 0
    assert (output / page.NAME).read_text(encoding="utf-8") == html
    with pytest.raises(SystemExit) as ended:
        main(["report", str(tmp_path)])
    assert ended.value.code == 2
    assert "holds no finished run" in capsys.readouterr().err
