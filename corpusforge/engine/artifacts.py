"""What corpus stages leave for the user besides documents, such as a trained tokenizer: copied into the output."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from corpusforge.engine.passes import Findings
from corpusforge.engine.storage import StoredPath, checksum_range, verified, write_whole
from corpusforge.stage import CorpusStage


def keep_artifacts(found: Iterable[Findings], folder: StoredPath) -> list[dict[str, Any]]:
    """Copy what the stages say into `folder`; return path, size and checksum of each, for the manifest."""
    kept = []
    for one in found:
        stage = one.step.step.stage
        wanted: Mapping[str, str] = stage.artifacts_kept() if isinstance(stage, CorpusStage) else {}
        for name, path in wanted.items():
            made = one.artifacts[name]
            write_whole(folder / path, Path(verified(made["path"], made["checksum"], made["size"])).read_bytes())
            kept.append({"path": path, "size": made["size"], "checksum": checksum_range(str(folder / path))})
    return kept
