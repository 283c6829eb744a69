"""How large the report of a run of many shards is, and how long it takes: shards of a real run, listed many times.

    python tests/benchmarks/report_at_scale.py OUT SHARDS FOLDER

FOLDER gets a manifest with SHARDS data, rejected and signals parts (links to those of the finished run in OUT, under
names of their own), as many inputs, and counts multiplied accordingly; then the page is written, timed and measured.
"""

import resource
import sys
import time
from pathlib import Path
from typing import Any

import orjson

from corpusforge.report import page

KINDS = {"shards": "data", "rejected": "rejected", "signals": "signals"}


def scaled(output: Path, shards: int, folder: Path) -> None:
    """Write into `folder` what a run of `shards` shards like that in `output` would leave, apart from quarantine."""
    manifest: dict[str, Any] = orjson.loads((output / "manifest.json").read_bytes())
    for kind, name in KINDS.items():
        parts, many = manifest[kind], []
        (folder / name).mkdir(parents=True, exist_ok=True)
        for number in range(shards):
            part = parts[number % len(parts)]
            path = folder / name / f"part-{number:05d}.parquet"
            path.unlink(missing_ok=True)
            path.symlink_to((output / part["path"]).resolve())
            many.append({**part, "path": f"{name}/{path.name}"})
        manifest[kind] = many
    manifest["inputs"] = [
        {**entry, "path": f"{number:05d}/{entry['path']}"}
        for number in range(max(1, shards // len(manifest["inputs"])))
        for entry in manifest["inputs"]
    ]
    (folder / "manifest.json").write_bytes(orjson.dumps(manifest))
    for name in ("recipe.yaml", "report.json"):
        (folder / name).write_bytes((output / name).read_bytes())


def main() -> None:
    """Print the figures."""
    output, shards, folder = Path(sys.argv[1]), int(sys.argv[2]), Path(sys.argv[3])
    scaled(output, shards, folder)
    begun, cpu = time.time(), time.process_time()
    path = page.write(folder)
    print(
        f"{shards:,} shards, manifest {(folder / 'manifest.json').stat().st_size / 1e6:.1f} MB: page "
        f"{path.stat().st_size / 1e3:.0f} kB in {time.process_time() - cpu:.1f} CPU s ({time.time() - begun:.1f} s), "
        f"peak {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3:.0f} MB"
    )


if __name__ == "__main__":
    main()
