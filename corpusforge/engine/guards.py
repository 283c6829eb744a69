"""Guard rails: too many errors, or a source that dedup would empty, stop a run with a word on how to allow it."""

from collections.abc import Sequence

from corpusforge.engine.accounts import Accounts
from corpusforge.engine.bundle_state import BundleState
from corpusforge.engine.passes import Findings
from corpusforge.engine.plan import Plan
from corpusforge.engine.rows import RowsFile
from corpusforge.errors import RunError, TooManyErrors

ERRORS_ALWAYS_ALLOWED = 10  # a small corpus may lose a few documents before a share of it means anything
FEWEST_DOCUMENTS = 20  # of which a share lost to dedup says anything


def check_errors(plan: Plan, accounts: Accounts, states: list[BundleState]) -> None:
    documents = accounts.total(accounts.documents)
    read, lost = documents["read"], documents["quarantined"]
    most = plan.pipeline.options.max_error_fraction
    allowed = max(most * read, ERRORS_ALWAYS_ALLOWED)
    if lost > allowed:
        raise TooManyErrors(
            f"{lost} of {read} documents could not be read or processed; run.max_error_fraction allows {most:g}. "
            f"First: {_first_error(states)}. Mend the input, or raise run.max_error_fraction, and run again"
        )


def _first_error(states: list[BundleState]) -> str:
    for left in (left for s in states for left in s.left if left.kind in ("unreadable", "quarantine")):
        row = next(left.file.read()).slice(0, 1).to_pylist()[0]
        return f"{row['origin']} of {row['source']}, {row['stage']}: {row['error']}"
    return "unknown"


def check_source_loss(plan: Plan, found: Findings, accounts: Accounts, states: list[BundleState]) -> None:
    most = getattr(found.step.step.stage, "max_source_loss", 1.0)
    for source in plan.pipeline.sources:
        counts = accounts.step(found.step.index, source.name)
        read, gone = counts["read"], counts["read"] - counts["kept"]
        if read >= FEWEST_DOCUMENTS and gone > most * read:
            resolving = 1 + [block.corpus for block in plan.blocks].index(found.step)
            mine = (s for s in states if s.bundle.source == source.name)
            left = [x.file for s in mine for x in s.left if (x.block, x.kind) == (resolving, "rejected")]
            keepers = ", ".join(_commonest_keepers(found.step.step.name, left))
            raise RunError(
                f"{found.step.step.name} would remove {gone} of {read} documents of source '{source.name}'"
                f"{'; commonest kept texts: ' + keepers if keepers else ''}. "
                f"If that is right, set max_source_loss above {gone / read:.2f} in the stage and run again"
            )


def _commonest_keepers(stage: str, files: Sequence[RowsFile]) -> list[str]:
    counts: dict[str, int] = {}
    for batch in (b for f in files for b in f.read()):
        for name, detail in zip(batch["stage"].to_pylist(), batch["detail"].to_pylist(), strict=True):
            if name == stage and detail:
                counts[detail] = counts.get(detail, 0) + 1
    return [f"{k} ({n})" for k, n in sorted(counts.items(), key=lambda kn: (-kn[1], kn[0]))[:3]]
