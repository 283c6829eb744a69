"""Random faults over runs on real data: each run must end in the bytes of an undisturbed one.

    python tests/benchmarks/inject_faults.py DATA --faults 100 --per-run 3 --seed 0

DATA holds web/*.warc.gz, books/gutenberg and code/*.parquet. A run's faults are drawn from its seed alone and printed
with it, so that `--seed N --faults 3` repeats one run. Ends with `N of N ended with the undisturbed checksum`; exit
code 1 when not.
"""

import argparse
import shutil
import sys
import tempfile
import time
from pathlib import Path

import orjson

sys.path.insert(0, str(Path(__file__).parents[1]))
from fault_kit import IN_DRIVER, IN_WORKER, drawn, run_with, start


def written(data: Path, output: Path) -> Path:
    """Write the recipe of one run beside its output, and return where."""
    text = Path(__file__).with_suffix(".yaml").read_text()
    recipe = output.with_suffix(".yaml")
    recipe.write_text(text.replace("{input: data, output: out/faults}", f"{{input: {data}, output: {output}}}"))
    return recipe


def main() -> int:
    """Run until enough faults happened."""
    given = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    given.add_argument("data", type=Path)
    given.add_argument("--faults", type=int, default=30)
    given.add_argument("--per-run", type=int, default=3)
    given.add_argument("--seed", type=int, default=0)
    asked = given.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="faults-"))
    whole = folder / "whole"
    begun = time.time()
    if start(written(asked.data.resolve(), whole)).wait() != 0:
        sys.exit(f"the undisturbed run failed: {whole.with_suffix('.log').read_text()[-2000:]}")
    manifest = orjson.loads((whole / "manifest.json").read_bytes())
    units = manifest["run"]["units"]
    print(f"undisturbed: {units} units, {manifest['documents']}, {time.time() - begun:.0f} s", flush=True)
    happened = alike = runs = right = 0
    while happened < asked.faults:
        seed = asked.seed + runs
        faults = drawn(seed, asked.per_run, IN_DRIVER + IN_WORKER)
        output = folder / f"seed{seed}"
        begun = time.time()
        ended = run_with(faults, written(asked.data.resolve(), output), output, units, seed)
        same = ended.checksum == manifest["content_checksum"] and not ended.problems
        runs, right = runs + 1, right + same
        happened += len(ended.happened)
        alike += len(ended.happened) if same else 0
        said = ", ".join(f"{f.kind} at {f.place}" for f in ended.happened) or "none happened"
        print(
            f"seed {seed}: {said}; {ended.starts} starts, {time.time() - begun:.0f} s: "
            f"{'same bytes' if same else f'DIFFERENT {ended.problems}'}",
            flush=True,
        )
        if same:
            shutil.rmtree(output)
    print(f"{right} of {runs} runs, {alike} of {happened} faults ended with the undisturbed checksum")
    return 0 if right == runs else 1


if __name__ == "__main__":
    sys.exit(main())
