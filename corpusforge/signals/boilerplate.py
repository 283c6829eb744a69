"""Words and marks that tell what pages are made of from what people wrote on them."""

import numpy as np

from corpusforge.text import TextBatch
from corpusforge.text.arrays import Floats, Int64s
from corpusforge.text.lower_case import count_lower_case

_LISTS = (
    ("lorem ipsum",),
    ("javascript",),
    ("terms of use", "privacy policy", "cookie policy", "uses cookies", "use of cookies", "use cookies"),
)


def _count(text: TextBatch, number: int) -> Floats:
    # One pass for all lists: packs that use one of these signals use the others.
    found: Int64s = text.once("boilerplate", lambda: count_lower_case(text, _LISTS))
    counts: Floats = found[number].astype(np.float64)
    return counts


def lorem_ipsum_count(text: TextBatch) -> Floats:
    """How often `lorem ipsum` stands in the lower-cased text.

    >>> from corpusforge.text import segment
    >>> lorem_ipsum_count(segment(["Lorem ipsum dolor", "lorem", None]))
    array([1., 0., 0.])

    Source: Raffel et al. 2020 (T5), section 2.2.
    """
    return _count(text, 0)


def javascript_count(text: TextBatch) -> Floats:
    """How often `javascript` stands in the lower-cased text, inside longer words too.

    >>> from corpusforge.text import segment
    >>> javascript_count(segment(["Please enable JavaScript.", "Java", None]))
    array([1., 0., 0.])

    Source: Raffel et al. 2020 (T5), section 2.2.
    """
    return _count(text, 1)


def policy_phrase_count(text: TextBatch) -> Floats:
    """How often terms of use, privacy policy, cookie policy, use(s) cookies, use of cookies stand in the text.

    Case does not matter.

    >>> from corpusforge.text import segment
    >>> policy_phrase_count(segment(["Terms of Use and Privacy Policy", "We use cookies.", None]))
    array([2., 1., 0.])

    Source: Raffel et al. 2020 (T5), the code of C4 in TensorFlow Datasets (c4_utils.py); as in datatrove 0.10.
    """
    return _count(text, 2)


def curly_bracket_count(text: TextBatch) -> Floats:
    """How many opening curly brackets the text has.

    >>> from corpusforge.text import segment
    >>> curly_bracket_count(segment(["f() {{ }}", "none", None]))
    array([2., 0., 0.])

    Source: Raffel et al. 2020 (T5), section 2.2.
    """
    return text.count("{").astype(np.float64)
