"""A lost worker costs an attempt, never a document."""

import subprocess
import sys
from pathlib import Path

import orjson

STAGE = """
import os
from pathlib import Path
import pyarrow as pa
from corpusforge.stage import Kernel, Stage

class Crashes(Stage):
    '''Kill the worker the first time it is used.'''

    flag: str

    def open(self) -> Kernel:
        def kernel(batch: pa.RecordBatch) -> pa.RecordBatch:
            if not Path(self.flag).exists():
                Path(self.flag).touch()
                os._exit(1)
            return batch
        return kernel
"""

RECIPE = """
corpusforge: 1
sources:
  words: {{read.jsonl: {{paths: "{corpus}/*.jsonl"}}}}
stages:
  - crashing:Crashes: {{flag: "{flag}"}}
  - dedup.exact
write.parquet: {{path: "{output}"}}
run: {{workers: {workers}, split_bytes: 20kB}}
"""


def test_a_worker_that_dies_is_replaced_and_its_units_are_done_again(corpus: Path, tmp_path: Path) -> None:
    (tmp_path / "crashing.py").write_text(STAGE)
    manifests = []
    for name, workers in (("crashed", 2), ("smooth", 1)):  # the flag stands when the second run starts
        recipe = tmp_path / f"{name}.yaml"
        text = RECIPE.format(corpus=corpus, flag=tmp_path / "flag", output=tmp_path / name, workers=workers)
        recipe.write_text(text)
        code = f"import sys; sys.path.insert(0, '.'); from corpusforge.cli import main; main(['run', {str(recipe)!r}])"
        subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, cwd=tmp_path)
        manifests.append(orjson.loads((tmp_path / name / "manifest.json").read_bytes()))
    crashed, smooth = manifests
    assert crashed["run"]["retries"] >= 1
    assert smooth["run"]["retries"] == 0
    assert crashed["documents"] == smooth["documents"]
    assert crashed["content_checksum"] == smooth["content_checksum"]
