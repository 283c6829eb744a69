"""Kill anything at any time: the same command continues, and committed work is not done again."""

import gzip
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import orjson
import pytest

from corpusforge.engine import storage
from corpusforge.engine.verify import verify
from corpusforge.errors import OutputError, RunError
from corpusforge.pipeline import Pipeline
from corpusforge.report.status import status
from corpusforge.stages.dedup.exact import Exact
from corpusforge.stages.dedup.minhash import Minhash
from corpusforge.stages.tokenize.train import Train
from tests.engine.conftest import Killed, Killer

Make = Callable[..., Pipeline]

RECIPE = """
corpusforge: 1
sources:
  words:
    read.jsonl: {{paths: "{corpus}/*.jsonl"}}
stages:
  - dedup.exact
  - dedup.minhash
write.parquet: {{path: "{output}", shard_bytes: 100kB, row_group_bytes: 30kB}}
layout: {layout}
run: {{workers: {workers}, split_bytes: 20kB, keep_work: true}}
"""


def ledger_units(work: Path) -> list[dict[str, object]]:
    """Return the committed units in order."""
    lines = (work / "ledger.jsonl").read_bytes().splitlines()
    return [e for e in map(orjson.loads, lines) if "unit" in e]


COPIES = "{mix: {sources: {words: {epochs: 1.5}}}, upsample: {copies: {2: 3}}, validation: {fraction: 0.1}}"


@pytest.mark.parametrize(("workers", "layout"), [(1, "{order: reading}"), (2, COPIES)])
def test_a_driver_killed_at_random_moments_ends_in_the_same_bytes(
    corpus: Path, tmp_path: Path, workers: int, layout: str
) -> None:
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    for output in (whole, killed):
        recipe = RECIPE.format(corpus=corpus, output=output, workers=workers, layout=layout)
        (tmp_path / f"{output.name}.yaml").write_text(recipe)
    assert _start(tmp_path / "whole.yaml", "--limit", "20", "--workers", "1").wait() == 0  # compiles the kernels
    assert _start(tmp_path / "whole.yaml").wait() == 0
    units = len(ledger_units(whole / ".work"))
    draw = random.Random(3)
    kills = 0
    for fifth in range(5):  # by how much is done, not by the clock: the machine may be busy with other things
        process = _start(tmp_path / "killed.yaml")
        while process.poll() is None and _committed(killed) < units * fifth / 5:
            time.sleep(0.01)
        time.sleep(draw.uniform(0, 0.2))
        kills += process.poll() is None
        process.send_signal(signal.SIGKILL)
        process.wait()
    assert _start(tmp_path / "killed.yaml").wait() == 0
    assert kills >= 2
    assert verify(killed) == []
    assert _checksum(killed) == _checksum(whole)
    times = Counter(unit["unit"] for unit in ledger_units(killed / ".work"))
    assert set(times.values()) == {1}, "a committed unit was done again"


def _committed(output: Path) -> int:
    ledger = output / ".work" / "ledger.jsonl"
    return ledger.read_bytes().count(b'"unit":') if ledger.is_file() else 0


def _start(recipe: Path, *options: str) -> subprocess.Popen[bytes]:
    code = f"from corpusforge.cli import main; main({['run', str(recipe), *options]!r})"
    return subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def _checksum(output: Path) -> str:
    return str(orjson.loads((output / "manifest.json").read_bytes())["content_checksum"])


def test_running_a_finished_recipe_again_does_nothing(make: Make) -> None:
    first = make().run()
    again = make().run()
    assert again.already_complete and not first.already_complete
    assert again.manifest["content_checksum"] == first.manifest["content_checksum"]


def test_a_lost_shard_of_a_finished_run_is_written_again_from_what_the_work_folder_holds(make: Make) -> None:
    first = make(keep_work=True).run()
    sorted(first.path.glob("data/*.parquet"))[0].unlink()
    again = make(keep_work=True).run()
    assert again.manifest["run"]["units_run"] == 1
    assert again.manifest["content_checksum"] == first.manifest["content_checksum"]


def test_attempts_that_were_never_committed_are_swept(make: Make) -> None:
    outcome = make(Exact(), keep_work=True).run()
    stray = outcome.path / ".work" / "units" / "ab" / "abcd" / "1-1"
    stray.mkdir(parents=True)
    make(Exact(keep="newest"), keep_work=True).run(replace=True)
    assert not stray.exists()


def test_fresh_ignores_all_earlier_work(make: Make) -> None:
    make(Exact(), keep_work=True).run()
    again = make(Exact(), keep_work=True).run(fresh=True)
    assert again.manifest["run"]["units_run"] == again.manifest["run"]["units"] > 0


def test_a_changed_threshold_redoes_only_what_follows_it(make: Make) -> None:
    make(Exact(), Minhash(verify=0.8), keep_work=True).run()
    changed = make(Exact(), Minhash(verify=0.95), keep_work=True)
    outcome = changed.run(replace=True)
    kinds = Counter(
        str(u["name"]).split("[")[0] for u in ledger_units(outcome.path / ".work") if u["driver"] == 2
    )  # fmt: skip
    assert not any("block 0" in name or name.startswith("exact") for name in kinds), kinds
    assert any(name.startswith("minhash") for name in kinds)


def test_an_output_of_another_recipe_is_refused_and_stays_readable(make: Make) -> None:
    first = make(Exact()).run()
    with pytest.raises(OutputError, match="finished by another recipe; different: stage 0 exact, stage 1 minhash"):
        make(Exact(keep="newest"), Minhash()).run()
    assert verify(first.path) == []
    assert make(Exact(keep="newest"), Minhash()).run(replace=True).manifest["documents"]["read"] == 400


def test_one_added_file_reads_only_itself(make: Make, corpus: Path, tmp_path: Path) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    for number in range(3):
        (folder / f"part{number}.jsonl").write_bytes((corpus / f"part{number}.jsonl").read_bytes())
    make(Exact(), paths=f"{folder}/*.jsonl", keep_work=True).run()
    (folder / "part1b.jsonl").write_bytes((corpus / "part3.jsonl").read_bytes())
    outcome = make(Exact(), paths=f"{folder}/*.jsonl", keep_work=True).run()
    read = [u for u in ledger_units(outcome.path / ".work") if u["driver"] == 2 and "block 0" in str(u["name"])]
    assert read and all("part1b" in str(u["name"]) for u in read)
    assert outcome.manifest["documents"]["read"] == 400


def test_touched_files_with_the_same_content_are_compared_and_not_read_again(
    make: Make, corpus: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    path, other = folder / "a.jsonl", folder / "b.jsonl.gz"
    path.write_bytes((corpus / "part0.jsonl").read_bytes())
    other.write_bytes(gzip.compress((corpus / "part1.jsonl").read_bytes()))

    def redone() -> Counter[str]:
        output = make(Exact(), paths=f"{folder}/*", keep_work=True).run().path
        units = ledger_units(output / ".work")
        last = max(int(str(unit["driver"])) for unit in units)
        return Counter(str(unit["kind"]) for unit in units if unit["driver"] == last)

    assert redone()["SegmentUnit"] > 2
    for file in (path, other):
        file.touch()
    assert redone() == {"ChecksumUnit": 1}
    path.touch()
    content = other.read_bytes()
    other.write_bytes(content[:4] + b"\1\2\3\4" + content[8:])  # its own time, in gzip's header: as long, but another
    assert redone()["SegmentUnit"] > 0
    path.write_bytes(path.read_bytes().replace(b"example.org/0", b"example.org/x"))
    assert redone()["SegmentUnit"] > 0


def test_a_damaged_intermediate_file_is_done_again(make: Make) -> None:
    first = make(Exact(), Minhash(), keep_work=True).run()
    for path in sorted((first.path / ".work" / "units").rglob("rows.arrow"))[:3]:
        content = bytearray(path.read_bytes())
        content[len(content) // 2] ^= 0xFF
        path.write_bytes(content)
    storage._verified.clear()
    changed = make(Exact(), Minhash(verify=0.7), keep_work=True).run(replace=True)
    fresh = make(Exact(), Minhash(verify=0.7), output="fresh").run()
    assert changed.manifest["content_checksum"] == fresh.manifest["content_checksum"]


def test_a_torn_last_line_of_the_ledger_is_dropped(make: Make) -> None:
    outcome = make(Exact(), keep_work=True).run()
    ledger = outcome.path / ".work" / "ledger.jsonl"
    ledger.write_bytes(ledger.read_bytes() + b'{"unit": "abc')
    (outcome.path / "manifest.json").unlink()
    again = make(Exact(), keep_work=True).run()
    assert again.manifest["run"]["units_run"] == 0


def test_a_damaged_line_of_the_ledger_costs_what_it_named(make: Make) -> None:
    outcome = make(Exact(), keep_work=True).run()
    ledger = outcome.path / ".work" / "ledger.jsonl"
    lines = ledger.read_bytes().splitlines(keepends=True)
    number = next(n for n, line in enumerate(lines) if line.startswith(b'{"') and b'"unit":' in line)
    lines[number] = bytes(len(lines[number]) - 1) + b"\n"
    ledger.write_bytes(b"".join(lines))
    (outcome.path / "manifest.json").unlink()
    again = make(Exact(), keep_work=True).run()
    assert again.manifest["run"]["units_run"] == 1
    assert again.manifest["content_checksum"] == outcome.manifest["content_checksum"]


def test_a_second_driver_in_the_same_folder_is_refused(make: Make, tmp_path: Path) -> None:
    from corpusforge.engine.lock import Lock

    pipeline = make(Exact())
    with Lock(tmp_path / "out" / ".work"), pytest.raises(OutputError, match="another run works here"):
        pipeline.run()


def test_dedup_that_empties_a_source_stops_the_run(make: Make, tmp_path: Path) -> None:
    path = tmp_path / "same.jsonl"
    path.write_bytes(b'{"text": "the same words in every one of these"}\n' * 50)
    with pytest.raises(RunError, match=r"would remove 49 of 50 documents of source 'words'.*commonest kept"):
        make(Exact(max_source_loss=0.5), paths=str(path)).run()
    assert make(Exact(max_source_loss=1.0), paths=str(path)).run(replace=True).manifest["documents"]["kept"] == 1


def test_what_a_run_trained_goes_with_it_when_another_recipe_takes_its_place(make: Make) -> None:
    tokens = make(Train(vocab_size=300), keep_work=True)
    output = tokens.run().path
    (output / "report.html").write_text("of this run")
    (named,) = [file["path"] for file in orjson.loads((output / "manifest.json").read_bytes())["artifacts"][:1]]
    made = (output / named).read_bytes()
    kept = [path for path in (output / ".work" / "units").rglob("*") if path.is_file() and path.read_bytes() == made]
    for path in (*kept, output / named):
        path.write_bytes(b"damaged")
    storage._verified.clear()
    assert kept and verify(output)
    assert verify(tokens.run().path) == [] and (output / named).read_bytes() == made
    (output / "report.html").write_text("of this run")
    make(Exact(), max_error_fraction=0.5).run(replace=True)
    assert verify(output) == []
    assert not (output / named).parent.exists() and not (output / "report.html").exists()


def test_a_run_that_was_to_replace_another_and_stopped_is_not_called_finished(make: Make, killer: Killer) -> None:
    output = make(Exact(), keep_work=True).run().path
    assert status(output)["state"] == "finished"
    killer.target, killer.part = (0, Exact().passes()[0].name), "combine"
    with pytest.raises(Killed):
        make(Exact(keep="newest"), keep_work=True).run(replace=True)
    assert status(output)["state"] == "stopped"
