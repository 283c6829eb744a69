"""What tells source code that people wrote from data and generated files."""

import numpy as np
import pyarrow.compute as pc

from corpusforge.text import TextBatch
from corpusforge.text.arrays import Floats
from corpusforge.text.spans import divide
from corpusforge.text.unicode import ALPHANUMERIC


def longest_line_chars(text: TextBatch) -> Floats:
    r"""Length of the longest line in characters; 0 for a document without lines.

    >>> from corpusforge.text import segment
    >>> longest_line_chars(segment(["ab\nabcä\n", ""]))
    array([4., 0.])

    Source: Li et al. 2023 (StarCoder, arXiv:2305.06161), section 3.1; lines of str.splitlines().
    """
    return text.unicode_lines.max(text.unicode_lines.lengths_chars).astype(np.float64)


def mean_line_chars(text: TextBatch) -> Floats:
    r"""Mean length of the lines in characters, empty lines included; 0 for a document without lines.

    >>> from corpusforge.text import segment
    >>> mean_line_chars(segment(["ab\n\nabcd", ""]))
    array([2., 0.])

    Source: Li et al. 2023 (StarCoder), section 3.1; lines of str.splitlines().
    """
    return text.unicode_lines.mean(text.unicode_lines.lengths_chars)


def alphanumeric_fraction(text: TextBatch) -> Floats:
    """Share of characters that are letters or digits, as str.isalnum() says (0..1); 0 for an empty document.

    >>> from corpusforge.text import segment
    >>> alphanumeric_fraction(segment(["x = 1;", ""]))
    array([0.33333333, 0.        ])

    Source: Li et al. 2023 (StarCoder), section 3.1.
    """
    return divide(text.count_flagged(ALPHANUMERIC), text.chars)


def xml_header(text: TextBatch) -> Floats:
    """1 when `<?xml version=` stands in the first 100 characters, else 0.

    >>> from corpusforge.text import segment
    >>> xml_header(segment(['<?xml version="1.0"?><svg/>', "<svg/>", None]))
    array([1., 0., 0.])

    Source: Li et al. 2023 (StarCoder), section 3.1.
    """
    beginning = pc.utf8_slice_codeunits(text.column, 0, 100)
    return np.asarray(pc.match_substring(beginning, "<?xml version=").to_numpy(zero_copy_only=False), np.float64)
