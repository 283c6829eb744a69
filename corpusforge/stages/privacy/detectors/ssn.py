"""Social security numbers of the USA."""

import re

from corpusforge.stages.privacy.detectors.number import Number, scrambled


class Ssn(Number):
    """Three, two and four digits; there is no check digit, but areas, groups and serials that are never given.

    `123-45-6789` needs no word before it, other spellings do.
    """

    def substitute(self, value: str, number: int) -> str:
        """Return a number of area 900 to 999, which belongs to no social security number, in the same grouping."""
        made = scrambled(value, number)
        return re.sub(r"\d", "9", made, count=1)
