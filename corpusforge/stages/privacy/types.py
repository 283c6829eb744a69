"""The types that privacy.pii looks for: from a detector file, with their detectors and regions."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

import pyarrow as pa

from corpusforge.registry import resource
from corpusforge.stages.privacy.detectors import Detector, detector, load

Action = Literal["mask", "replace", "hash", "remove"]
SPANS_TYPE = pa.list_(
    pa.struct([("type", pa.string()), ("start", pa.int32()), ("end", pa.int32()), ("hash", pa.string())])
)
REST = "rest"  # in place of a type: the default types that are named nowhere else


@dataclass(frozen=True)
class Types:
    """What is looked for, in the order of the detector file."""

    names: tuple[str, ...]
    tags: tuple[str, ...]
    detectors: tuple[Detector, ...]
    regions: Mapping[str, tuple[str, ...]]  # by language; "" stands for every document

    def regions_of(self, batch: pa.RecordBatch) -> list[tuple[str, ...]]:
        """Return the regions in which each document may have been written."""
        if "" in self.regions:
            return [self.regions[""]] * batch.num_rows
        other = self.regions["other"]
        if "language" not in batch.schema.names:
            return [other] * batch.num_rows
        languages = batch.column("language").to_pylist()
        return [self.regions.get((x or "other").lower().partition("-")[0], other) for x in languages]


def about_types(path: str) -> Mapping[str, Mapping[str, Any]]:
    """Return what a detector file (a name in filters/, or a path) says about each type."""
    types: Mapping[str, Mapping[str, Any]] = load(resource("filters", path))["types"]
    return types


def default_types(path: str) -> tuple[str, ...]:
    """Return the types of a detector file that are looked for when none is named."""
    return tuple(name for name, about in about_types(path).items() if about.get("default", True))


def make(path: str, names: Iterable[str], special_ips: bool = False, regions: tuple[str, ...] = ()) -> Types:
    """Return the types called `names`, made from a detector file. `special_ips`, `regions`: as the fields of Pii."""
    names = tuple(names)
    about = about_types(path)
    made = []
    for name in names:
        entry = about[name]
        if special_ips and name == "ip":
            entry = {**entry, "left_alone": []}
        made.append(detector(name, entry))
    by_language = load(resource("filters", path)).get("regions", {})
    table = {language: tuple(codes) for language, codes in by_language.items()}
    return Types(
        names,
        tuple(str(about[name]["tag"]) for name in names),
        tuple(made),
        {"": regions} if regions or not table else {"other": (), **table},
    )
