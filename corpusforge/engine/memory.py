"""What a worker takes: an estimate from what its stages declare, the size of batches that fits, and what there is.

A worker at its peak holds the interpreter, libraries and compiled kernels (BASE_BYTES), what its hungriest stage
declares (`memory_bytes`), and TIMES bytes for each byte of a batch.
"""

import os
from dataclasses import replace
from pathlib import Path

from corpusforge.engine.plan import Plan
from corpusforge.errors import RecipeError

BASE_BYTES = 256 << 20
TIMES = 40
LEAST_BATCH_BYTES = 256 << 10
USABLE = 0.9  # of the machine's memory; the rest is the system's and the page cache's


def expected_bytes(plan: Plan) -> int:
    """Return what a worker of this plan may take at its peak, in bytes: as the recipe says, or by its stages."""
    return int(plan.pipeline.options.worker_memory or _fixed_bytes(plan) + TIMES * plan.pipeline.options.batch_bytes)


def fitted(plan: Plan, workers: int | None) -> Plan:
    """Return the plan with batches that fit the memory of a worker; they only become smaller than the recipe's.

    That memory is `run.worker_memory`, else a share of this machine for each of `workers` (None: on a cluster, where
    batches stay). Raises RecipeError when `run.worker_memory` is too little for the stages.
    """
    options = plan.pipeline.options
    machine = machine_bytes()
    if options.worker_memory is not None:
        budget = int(options.worker_memory)
    elif workers is not None and machine is not None:
        budget = int(USABLE * machine) // workers
    else:
        return plan
    fixed = _fixed_bytes(plan)
    fits = (budget - fixed) // TIMES
    if fits < LEAST_BATCH_BYTES and options.worker_memory is not None:
        raise RecipeError(
            f"run.worker_memory is {_said(budget)}, but a worker of this recipe needs "
            f"{_said(fixed + TIMES * LEAST_BATCH_BYTES)}, most of it for {_hungriest(plan)[0]}; give it more, and with "
            "it fewer workers",
            plan.pipeline.place("run.worker_memory"),
        )
    size = type(options.batch_bytes)(min(max(fits, LEAST_BATCH_BYTES), options.batch_bytes))
    pipeline = replace(plan.pipeline, options=options.model_copy(update={"batch_bytes": size}))
    return replace(plan, pipeline=pipeline)


def shortage(plan: Plan, workers: int) -> str | None:
    """Return a warning if that many workers may need more than this machine's memory; None when it is enough."""
    each, machine = expected_bytes(plan), machine_bytes()
    if machine is None or workers * each <= USABLE * machine:
        return None
    fit = max(1, int(USABLE * machine // each))
    return (
        f"{workers} workers may take {_said(each)} each, and this machine has {_said(machine)}; should it run out, "
        f"workers are lost and their work is done again: run.workers: {fit} would fit"
    )


def memory_line(plan: Plan, workers: int) -> str:
    """Describe for people what a run may take."""
    return f"memory: up to {_said(expected_bytes(plan))} a worker, {workers} of them; a document of {_giant(plan)}"


def machine_bytes() -> int | None:
    """Return the memory this process may use: the machine's, or its control group's if that is less."""
    try:
        found = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (ValueError, OSError, AttributeError):
        return None
    for name in ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"):
        try:
            said = Path(name).read_text(encoding="ascii").strip()
        except OSError:
            continue
        if said.isdecimal():
            found = min(found, int(said))
    return found


def _giant(plan: Plan) -> str:
    most = int(plan.pipeline.options.max_document_bytes)
    return f"run.max_document_bytes ({most / 1e6:.0f} MB) may take {_said(TIMES * most)} more"


def _fixed_bytes(plan: Plan) -> int:
    return BASE_BYTES + _hungriest(plan)[1]


def _hungriest(plan: Plan) -> tuple[str, int]:
    found = {step.step.name: step.step.stage.memory_bytes for step in plan.steps}
    found |= {source.reader_name: source.reader.memory_bytes for source in plan.pipeline.sources}
    return max(found.items(), key=lambda item: item[1])


def _said(size: int) -> str:
    return f"{size / 1e9:.1f} GB"
