"""Water levels, and the times at which they are highest and lowest."""

import math
from collections.abc import Iterator, Sequence

from tidewatch.constituents import Constituent

STEP_HOURS = 0.1


def level(constituents: Sequence[Constituent], hours: float, mean: float = 0.0) -> float:
    """Return the level in metres `hours` after the epoch."""
    total = mean
    for part in constituents:
        angle = math.radians(part.speed * hours - part.phase_degrees)
        total += part.amplitude_metres * math.cos(angle)
    return total


def extremes(constituents: Sequence[Constituent], start: float, end: float) -> Iterator[tuple[float, float, str]]:
    """Yield (hours, level, "high" or "low") between `start` and `end`."""
    before = level(constituents, start)
    here = level(constituents, start + STEP_HOURS)
    hours = start + STEP_HOURS
    while hours < end:
        after = level(constituents, hours + STEP_HOURS)
        if before < here >= after:
            yield hours, here, "high"
        elif before > here <= after:
            yield hours, here, "low"
        before, here = here, after
        hours += STEP_HOURS
