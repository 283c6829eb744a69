"""How lines begin and end. Lines are those of str.splitlines()."""

from corpusforge.text import TextBatch
from corpusforge.text.arrays import Floats


def bullet_line_fraction(text: TextBatch) -> Floats:
    r"""Share of lines that begin with `•` or `-` after whitespace (0..1); 0 for a document without lines.

    >>> from corpusforge.text import segment
    >>> bullet_line_fraction(segment(["- one\n  • two\nthree\n\n", ""]))
    array([0.5, 0. ])

    Source: Rae et al. 2021 (Gopher), section A1.1; the two marks of datatrove 0.10.
    """
    lines = text.unicode_lines.stripped
    return lines.mean(lines.start_with("•") | lines.start_with("-"))


def ellipsis_line_fraction(text: TextBatch) -> Floats:
    r"""Share of lines that end with `...` or `…` before whitespace (0..1); 0 for a document without lines.

    >>> from corpusforge.text import segment
    >>> ellipsis_line_fraction(segment(["Read more... \nand more …\nend.", ""]))
    array([0.66666667, 0.        ])

    Source: Rae et al. 2021 (Gopher), section A1.1; as in datatrove 0.10.
    """
    lines = text.unicode_lines.stripped
    return lines.mean(lines.end_with("...") | lines.end_with("…"))
