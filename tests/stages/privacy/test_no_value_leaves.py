"""No personal value of a text is anywhere in what a run leaves or prints, whatever became of its document."""

import dataclasses
from collections.abc import Iterator
from pathlib import Path
from typing import ClassVar

import orjson
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from corpusforge.cli import main
from corpusforge.pipeline import Step
from corpusforge.recipe import load
from corpusforge.stage import Kernel, Stage

VALUES = {
    "email": "zuleika.quandt@planted.org",
    "phone": "(212) 664-7665",
    "ip": "93.184.216.34",
    "card": "4539578763621486",
    "iban": "NL91ABNA0417164300",
    "ssn": "536-90-4399",
    "url_credentials": "zulu:Qw8rtz7",
    "mac": "3c:22:fb:9a:41:7e",
    "cloud_key": "AKIAQYLPMN5HFIQR7BBB",
    "token": "ghp_R8dTq0LzWvN3sYb7KxJmPf2HcAeUg51oi4Vt",
    "assigned_secret": "kT9#vQ2!xw",
    "it_codice_fiscale": "MRTMTT91D08F205J",
}
PROSE = (
    "This is what the people of the village said to the man that came with the letter in the morning, and they have "
    "said the same to everybody who asked them since. It was not a long letter, but there was a lot in it that nobody "
    "would have told them otherwise. "
)
TEXT = PROSE + (
    "Write to {email}, call {phone} or {phone} from host {ip}; card {card}, IBAN {iban}, SSN {ssn}. "
    "See https://{url_credentials}@planted.org and ether {mac}. key={cloud_key} token={token} "
    "password = '{assigned_secret}' C.F. {it_codice_fiscale}."
).format(**VALUES)
RECIPE = """\
corpusforge: 1
sources:
  mail:
    read.jsonl: {{paths: mail.jsonl}}
stages:
  - normalize.unicode
  - quality.language: {{keep: [en]}}
  - quality.rules: {{pack: gopher_quality, set: {{word_count.min: 20, alphabetic_word_fraction.min: 0.5}}}}
  - quality.words: {{lists: [words.txt]}}
  - dedup.exact
  - dedup.minhash
  - privacy.pii{pii}
write.parquet: {{path: out}}
run: {{workers: 1, max_error_fraction: 1.0{run}}}
"""


class Chokes(Stage):
    """Fail on a document and quote it, as libraries do."""

    reasons: ClassVar[tuple[str, ...]] = ()

    def open(self) -> Kernel:
        """Return the kernel."""

        def kernel(batch: pa.RecordBatch) -> pa.RecordBatch:
            for text in batch.column("text").to_pylist():
                if text and text.startswith("Choke"):
                    raise ValueError(f"could not convert '{VALUES['phone']}' near {VALUES['email']}: '{text}'")
            return batch

        return kernel


def contents(folder: Path) -> Iterator[tuple[Path, str]]:
    """Yield every file of a folder as text, Parquet decoded."""
    for path in sorted(folder.rglob("*")):
        if path.suffix == ".parquet":
            yield path, str(pq.read_table(path).to_pydict())
        elif path.is_file():
            yield path, path.read_bytes().decode("utf-8", "replace")


def write(folder: Path, pii: str, run: str) -> None:
    (folder / "recipe.yaml").write_text(RECIPE.format(pii=pii, run=run))
    (folder / "words.txt").write_text("floccinaucinihilipilification")
    texts = [
        TEXT,
        TEXT,
        TEXT + " Once more, with feeling.",
        "Choke. " + TEXT,
        "Zu kurz und nicht auf Englisch. " + TEXT[len(PROSE) :],
    ]
    texts.append("floccinaucinihilipilification " + TEXT)
    title = f"From {VALUES['email']}"
    rows = [{"text": text, "title": title, "url": f"http://host/{i}"} for i, text in enumerate(texts)]
    (folder / "mail.jsonl").write_bytes(b"\n".join(map(orjson.dumps, rows)) + b'\n{"text": "' + TEXT.encode()[:60])


@pytest.mark.parametrize(
    ("pii", "run"),
    [
        ("", ""),
        (": {replace: [rest]}", ", keep_rejected: text"),
        (": {hash: [rest], key_file: words.txt, spans: hashed}", ", keep_rejected: text, keep_work: false"),
    ],
    ids=["defaults", "replace, rejected texts kept", "hash with a log of spans"],
)
def test_no_planted_value_is_in_any_file_or_line_that_a_run_leaves(
    pii: str, run: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    write(tmp_path, pii, run)
    pipeline = load("recipe.yaml")
    steps = list(pipeline.steps)
    steps.insert(0, Step("tests:Chokes", Chokes()))
    outcome = dataclasses.replace(pipeline, steps=tuple(steps)).run()
    documents = outcome.manifest["documents"]
    assert min(documents["kept"], documents["rejected"], documents["quarantined"]) >= 1, documents
    quarantined = [r for p in (tmp_path / "out/quarantine").glob("*") for r in pq.read_table(p).to_pylist()]
    assert any("could not convert" in row["error"] for row in quarantined)
    for command in (
        ["verify", "out"],
        ["audit", "out"],
        ["audit", "out", "--json"],
        ["explain", "out", "http://host/3"],
    ):
        with pytest.raises(SystemExit):
            main(command)
    for url in ("http://host/0", "http://host/1", "http://host/4"):
        with pytest.raises(SystemExit):
            main(["explain", "out", url])
    captured = capfd.readouterr()
    seen = [*contents(tmp_path / "out"), (Path("stdout"), captured.out), (Path("stderr"), captured.err)]
    assert len(seen) > 6
    leaks = [(str(path), value) for path, text in seen for value in VALUES.values() if value in text]
    assert leaks == []
    counts = {k: v for s in outcome.manifest["stages"] for k, v in s["counts"].items() if v}
    assert set(counts) == {f"pii_{name}" for name in VALUES}
