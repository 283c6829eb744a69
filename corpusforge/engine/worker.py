"""Run units of work. No Ray in here: the local runner and Ray's tasks both call `work`."""

import time
from collections.abc import Callable, Mapping
from functools import cache

from corpusforge.engine.emitting import run_combine, run_emit
from corpusforge.engine.folders import write_by_value
from corpusforge.engine.freed_memory import return_freed_memory
from corpusforge.engine.input_checksum import compare_inputs
from corpusforge.engine.layout import write_part
from corpusforge.engine.limits import in_own_process
from corpusforge.engine.mixing import count_by_key, write_sizes
from corpusforge.engine.placing import placed
from corpusforge.engine.segment import run_segment
from corpusforge.engine.sequences import write_sequences
from corpusforge.engine.shuffling import write_held_out, write_shuffled
from corpusforge.engine.units import (
    ChecksumUnit,
    CombineUnit,
    EmitUnit,
    FolderUnit,
    HistogramUnit,
    HoldOutUnit,
    PartUnit,
    Report,
    SegmentUnit,
    SequencesUnit,
    ShuffleUnit,
    SizesUnit,
    Unit,
)
from corpusforge.stage import cpu_seconds, peak_bytes

RUN: Mapping[type, Callable[..., Report]] = {
    ChecksumUnit: compare_inputs,
    SegmentUnit: run_segment,
    EmitUnit: run_emit,
    CombineUnit: run_combine,
    PartUnit: write_part,
    SizesUnit: write_sizes,
    HistogramUnit: count_by_key,
    ShuffleUnit: write_shuffled,
    HoldOutUnit: write_held_out,
    FolderUnit: write_by_value,
    SequencesUnit: write_sequences,
}


def work(units: list[Unit]) -> list[Report]:
    """Run units one after the other and return their reports."""
    _prepare()
    return [_timed(unit) for unit in units]


def work_alone(units: list[Unit]) -> list[Report]:
    """Run units in a process that does nothing else, and that a guard may end."""
    in_own_process()
    return work(units)


@cache
def _prepare() -> None:
    # Imported here since corpusforge.text loads Numba, which runs without compiled stages never need.
    from corpusforge.text.memory import keep_freed_memory

    keep_freed_memory()


def _timed(unit: Unit) -> Report:
    started, cpu = time.time(), cpu_seconds()
    report = placed(unit, RUN[type(unit)])
    return_freed_memory(after_unit=True)
    report["unit"] = unit.fingerprint
    report["name"] = unit.name
    report["kind"] = type(unit).__name__
    report["seconds"] = round(time.time() - started, 4)
    report["cpu_seconds"] = round(cpu_seconds() - cpu, 4)
    report["peak_bytes"] = peak_bytes()
    return report
