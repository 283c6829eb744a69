"""Hold what `tune` answers to real reruns, document by document: python tests/benchmarks/tune_against_rerun.py FOLDER

FOLDER holds the dumps of main_job.yaml. The job runs once as it is; then for each change `tune` answers from its
signals, the job runs again from the start with the changed pack, and every document's outcome in the block (kept, or
the reason) is compared. Prints a line for each change, with the wall seconds of both.
"""

import shutil
import sys
import tempfile
import time
from pathlib import Path

import pyarrow.compute as pc
import pyarrow.parquet as pq

from corpusforge import rules
from corpusforge.recipe import load
from corpusforge.report.pack_edit import save
from corpusforge.report.tune import ask, outcomes

JOB = Path(__file__).with_name("main_job.yaml")
CHANGES = (  # pack, bound, value: three tightened, two loosened
    ("gopher_quality", "word_count.min", 200),
    ("gopher_repetition", "top_2gram_char_fraction.max", 0.05),
    ("gopher_quality", "word_count.min", 20),
    ("gopher_quality", "alphabetic_word_fraction.min", 0.6),
    ("gopher_quality", "alphabetic_word_fraction.min", 0.85),
)


def run(recipe: Path, inputs: str, output: Path) -> float:
    """Run the job from the start and return the wall seconds."""
    begun = time.time()
    load(str(recipe), [f"vars.input={inputs}", f"vars.output={output}", "run.workers=1"]).run()
    return time.time() - begun


def outcomes_of_run(output: Path) -> dict[str, str | None]:
    """Return doc_id -> reason (None: kept) of every web document that reached the block, from what the run left."""
    signals = pq.read_table(output / "signals", columns=["doc_id", "source"])
    found: dict[str, str | None] = {
        doc_id: None for doc_id in signals.filter(pc.equal(signals["source"], "web"))["doc_id"].to_pylist()
    }
    rejected = pq.read_table(output / "rejected", columns=["doc_id", "source", "stage", "reason"]).to_pylist()
    for row in rejected:
        if (row["source"], row["stage"]) == ("web", "quality.rules"):
            assert row["doc_id"] in found
            found[row["doc_id"]] = row["reason"]
    return found


def main(inputs: str) -> None:
    """Compare every change."""
    work = Path(tempfile.mkdtemp(prefix="tune-"))
    try:
        print(f"the job: {run(JOB, inputs, work / 'base'):.1f} s")
        for pack, key, value in CHANGES:
            begun = time.time()
            answers = {
                i: a.partition(":")[2] if a else None for i, _, _, a in outcomes(ask(work / "base", pack, {key: value}))
            }
            seconds = time.time() - begun
            shutil.rmtree(work / "packs", ignore_errors=True)
            save(rules.load(pack), {key: value}, work / "packs" / f"{pack}.yaml")
            recipe = work / "recipe.yaml"
            recipe.write_text(JOB.read_text().replace(f"{{pack: {pack}}}", f"{{pack: {work}/packs/{pack}.yaml}}"))
            rerun = run(recipe, inputs, work / "again")
            truth = outcomes_of_run(work / "again")
            shutil.rmtree(work / "again")
            before = outcomes_of_run(work / "base")
            moved = sum((before[i] is None) != (truth[i] is None) for i in truth)
            differing = sum(answers.get(i, "missing") != truth.get(i, "missing") for i in {*answers, *truth})
            print(
                f"{pack} {key}={value:g}: {len(truth):,} documents, {moved} changed sides, {differing} differ from the "
                f"rerun; tune {seconds:.2f} s, rerun {rerun:.1f} s",
                flush=True,
            )
    finally:
        shutil.rmtree(work)


if __name__ == "__main__":
    main(sys.argv[1])
