"""Guard rails: too many errors, or a source that dedup would empty, stop a run with a word on how to allow it."""

from collections.abc import Sequence

from corpusforge.engine.passes import Findings
from corpusforge.engine.plan import Plan
from corpusforge.engine.segments import SplitState
from corpusforge.engine.units import Report, rows_file
from corpusforge.errors import RunError, TooManyErrors

ERRORS_ALWAYS_ALLOWED = 10  # a small corpus may lose a few documents before a share of it means anything
FEWEST_DOCUMENTS = 20  # of which a share lost to dedup says anything


def check_errors(plan: Plan, states: list[SplitState]) -> None:
    read = sum(r["counts"]["read"] for s in states for b, g, r in s.left if (b, g) == (0, 0))
    lost = sum(r["counts"]["quarantined"] for s in states for _, _, r in s.left)
    most = plan.pipeline.options.max_error_fraction
    allowed = max(most * read, ERRORS_ALWAYS_ALLOWED)
    if lost > allowed:
        raise TooManyErrors(
            f"{lost} of {read} documents could not be read or processed; run.max_error_fraction allows {most:g}. "
            f"First: {_first_error(states)}. Mend the input, or raise run.max_error_fraction, and run again"
        )


def _first_error(states: list[SplitState]) -> str:
    for report in (r for s in states for _, _, r in s.left):
        for name in ("unreadable", "quarantine"):
            if (file := rows_file(report["files"][name])) is not None:
                row = next(file.read()).slice(0, 1).to_pylist()[0]
                return f"{row['origin']} of {row['source']}, {row['stage']}: {row['error']}"
    return "unknown"


def check_source_loss(plan: Plan, found: Findings, states: list[SplitState]) -> None:
    most = getattr(found.step.step.stage, "max_source_loss", 1.0)
    for source in plan.pipeline.sources:
        reports = [r for s in states if s.split.source == source.name for steps, r in s.reports if found.step in steps]
        counts = [r["counts"]["steps"][0] for r in reports]
        read = sum(c["read"] for c in counts)
        gone = read - sum(c["kept"] for c in counts)
        if read >= FEWEST_DOCUMENTS and gone > most * read:
            keepers = ", ".join(_commonest_keepers(found.step.step.name, reports))
            raise RunError(
                f"{found.step.step.name} would remove {gone} of {read} documents of source '{source.name}'"
                f"{'; commonest kept texts: ' + keepers if keepers else ''}. "
                f"If that is right, set max_source_loss above {gone / read:.2f} in the stage and run again"
            )


def _commonest_keepers(stage: str, reports: Sequence[Report]) -> list[str]:
    files = [f for r in reports if (f := rows_file(r["files"]["rejected"])) is not None]
    counts: dict[str, int] = {}
    for batch in (b for f in files for b in f.read()):
        for name, detail in zip(batch["stage"].to_pylist(), batch["detail"].to_pylist(), strict=True):
            if name == stage and detail:
                counts[detail] = counts.get(detail, 0) + 1
    return [f"{k} ({n})" for k, n in sorted(counts.items(), key=lambda kn: (-kn[1], kn[0]))[:3]]
