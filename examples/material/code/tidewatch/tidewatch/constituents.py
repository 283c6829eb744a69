"""Tidal constituents: the periodic parts of which a tide is the sum."""

from dataclasses import dataclass

SPEEDS_DEGREES_PER_HOUR = {
    "M2": 28.9841042,  # principal lunar, twice a day
    "S2": 30.0000000,  # principal solar, twice a day
    "N2": 28.4397295,  # the ellipse of the lunar orbit
    "K1": 15.0410686,
    "O1": 13.9430356,
}


@dataclass(frozen=True)
class Constituent:
    """One cosine of the prediction."""

    name: str
    amplitude_metres: float
    phase_degrees: float

    @property
    def speed(self) -> float:
        """Degrees per hour; KeyError for a name that is not in the table."""
        return SPEEDS_DEGREES_PER_HOUR[self.name]


def parse(line: str) -> Constituent:
    """Read a line such as `M2 1.213 87.4`."""
    name, amplitude, phase = line.split()
    if name not in SPEEDS_DEGREES_PER_HOUR:
        raise ValueError(f"unknown constituent {name!r}")
    return Constituent(name, float(amplitude), float(phase) % 360.0)
