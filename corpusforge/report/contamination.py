"""Which evaluation items a run met: in how many documents each, and what became of them."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

import pyarrow.compute as pc

from corpusforge.engine.storage import StoredPath, stored_path
from corpusforge.report.lookup import parquet, read_manifest

STAGE = "dedup.decontaminate"


@dataclass(frozen=True)
class Contamination:
    """Documents by item (`FILE#ITEM`): `rejected` went, `cut` lost the passage and stayed."""

    rejected: Counter[str]
    cut: Counter[str]

    def files(self) -> list[tuple[str, int, int, int]]:
        """Return (file, items met, documents rejected, documents cut) of every evaluation file, by name."""
        names = sorted({item.rsplit("#", 1)[0] for item in self.rejected | self.cut})
        found = []
        for name in names:
            items = {item for item in self.rejected | self.cut if item.rsplit("#", 1)[0] == name}
            rejected, cut = (sum(counts[item] for item in items) for counts in (self.rejected, self.cut))
            found.append((name, len(items), rejected, cut))
        return found

    def items(self) -> Iterator[tuple[str, int, int]]:
        """Yield (item, documents rejected, documents cut), the commonest first."""
        both = self.rejected + self.cut
        for item in sorted(both, key=lambda item: (-both[item], item)):
            yield item, self.rejected[item], self.cut[item]


def contamination(output: str | StoredPath) -> Contamination:
    """Count the items that the finished run in `output` met; OutputError when there is none."""
    folder = stored_path(output)
    manifest = read_manifest(folder)
    rejected: Counter[str] = Counter()
    for part in manifest["rejected"]:
        table = parquet(folder / part["path"]).read(columns=["stage", "detail"])
        details = table.filter(pc.equal(table["stage"], STAGE))["detail"].drop_null()
        _add(rejected, details.value_counts().to_pylist())
    cut: Counter[str] = Counter()
    for part in manifest["shards"]:
        if "contamination" in parquet(folder / part["path"]).schema_arrow.names:
            found = parquet(folder / part["path"]).read(columns=["contamination"])["contamination"].drop_null()
            _add(cut, found.value_counts().to_pylist())
    return Contamination(rejected, cut)


def _add(counts: Counter[str], found: list[dict[str, str | int]]) -> None:
    counts.update({str(row["values"]): int(row["counts"]) for row in found})
