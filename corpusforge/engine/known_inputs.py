"""Which inputs are those that earlier work read.

An input is known by its path relative to its source, its size and the time of its last change; its content is not
read for that. If only the time has changed (a copied or touched corpus), workers compare the content with the
checksums that were taken when it was read, and what was done of it stands if they are equal.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from corpusforge.engine.identity import FORMAT
from corpusforge.engine.inputs import InputFile
from corpusforge.engine.ledger import Ledger
from corpusforge.engine.plan import Plan
from corpusforge.engine.scheduler import Scheduler
from corpusforge.engine.storage import digest
from corpusforge.engine.units import ChecksumUnit, StoredRange

BUNDLE_FILES = 512  # compared by one unit
BUNDLE_BYTES = 64 << 20
ENTRIES = 10_000  # written to the ledger at once

Identities = dict[tuple[str, str], str]


def identify(plan: Plan, scheduler: Scheduler) -> Identities:
    """Return the identities that differ from `InputFile.identity`, by source and relative path; record all."""
    ledger = scheduler.ledger
    found = known(plan.inputs, ledger)
    touched = [f for f in plan.inputs if (f.source, f.relative) not in found and _only_touched(f, ledger)]
    if touched:
        found |= _unchanged(touched, plan, scheduler)
    news: list[dict[str, Any]] = []
    for file in plan.inputs:
        key = _key(file)
        entry = {"input": key, "stamp": file.stamp, "identity": identity(file, found)}
        if ledger.inputs.get(key) != entry:
            news.append(entry)
        if len(news) == ENTRIES:
            ledger.record_inputs(news)
            news = []
    ledger.record_inputs(news)
    return found


def known(inputs: Sequence[InputFile], ledger: Ledger) -> Identities:
    """Return the identities that the ledger has for inputs as they are, where those are not InputFile.identity."""
    found: Identities = {}
    for file in inputs:
        entry = ledger.inputs.get(_key(file))
        if entry is not None and entry["stamp"] == file.stamp and entry["identity"] != file.identity:
            found[file.source, file.relative] = entry["identity"]
    return found


def identity(file: InputFile, found: Mapping[tuple[str, str], str]) -> str:
    """Return what fingerprints name `file` by."""
    return found.get((file.source, file.relative), file.identity) if found else file.identity


def _key(file: InputFile) -> str:
    return f"{file.source}\0{file.relative}"


def _only_touched(file: InputFile, ledger: Ledger) -> bool:
    entry = ledger.inputs.get(_key(file))
    return (
        entry is not None
        and not file.folder_checksum
        and entry["stamp"][0] == file.size
        and entry["stamp"][1] != file.modified_ns
    )


def _unchanged(touched: Sequence[InputFile], plan: Plan, scheduler: Scheduler) -> Identities:
    """Return the earlier identity of those files of which all that was read is as it was."""
    before = {(f.source, f.relative): str(scheduler.ledger.inputs[_key(f)]["identity"]) for f in touched}
    by_split = {str(s.id): (s.source, s.relative) for s in plan.splits if (s.source, s.relative) in before}
    ranges: dict[tuple[str, str], dict[StoredRange, str]] = {}
    for report in scheduler.ledger.units.values():
        for split, identity, first, length, checksum in report.get("inputs", ()):
            if checksum and (name := by_split.get(split)) is not None and identity == before[name]:
                ranges.setdefault(name, {})[StoredRange(first, length)] = checksum
    read = [(f, tuple(ranges[f.source, f.relative])) for f in touched if (f.source, f.relative) in ranges]
    units = [
        ChecksumUnit(
            fingerprint=digest(FORMAT, "checksums", [[_key(f), f.stamp, list(map(list, mine))] for f, mine in bundle]),
            name=f"compare {bundle[0][0].relative} and {len(bundle) - 1} more with what was read",
            folder="",
            paths=tuple(f.path for f, _ in bundle),
            ranges=tuple(mine for _, mine in bundle),
        )
        for bundle in _bundles(read)
    ]
    found = (sums for report in scheduler.reports(units) for sums in report["checksums"])
    same: Identities = {}
    for (file, mine), sums in zip(read, found, strict=True):
        name = file.source, file.relative
        if [ranges[name][one] for one in mine] == sums:
            same[name] = before[name]
    return same


Read = tuple[InputFile, tuple[StoredRange, ...]]


def _bundles(files: Sequence[Read]) -> Iterator[list[Read]]:
    bundle: list[Read] = []
    size = 0
    for one in files:
        bundle.append(one)
        size += sum(r.length for r in one[1])
        if len(bundle) >= BUNDLE_FILES or size >= BUNDLE_BYTES:
            yield bundle
            bundle, size = [], 0
    if bundle:
        yield bundle
