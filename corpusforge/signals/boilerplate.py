"""Words and marks that tell what pages are made of from what people wrote on them."""

import numpy as np

from corpusforge.text import TextBatch
from corpusforge.text.arrays import Floats
from corpusforge.text.lower_case import count_lower_case

_POLICY = ("terms of use", "privacy policy", "cookie policy", "uses cookies", "use of cookies", "use cookies")


def lorem_ipsum_count(text: TextBatch) -> Floats:
    """How often `lorem ipsum` stands in the lower-cased text.

    >>> from corpusforge.text import segment
    >>> lorem_ipsum_count(segment(["Lorem ipsum dolor", "lorem", None]))
    array([1., 0., 0.])

    Source: Raffel et al. 2020 (T5), section 2.2.
    """
    return count_lower_case(text, ("lorem ipsum",))


def javascript_count(text: TextBatch) -> Floats:
    """How often `javascript` stands in the lower-cased text, inside longer words too.

    >>> from corpusforge.text import segment
    >>> javascript_count(segment(["Please enable JavaScript.", "Java", None]))
    array([1., 0., 0.])

    Source: Raffel et al. 2020 (T5), section 2.2.
    """
    return count_lower_case(text, ("javascript",))


def policy_phrase_count(text: TextBatch) -> Floats:
    """How often terms of use, privacy policy, cookie policy, use(s) cookies, use of cookies stand in the text.

    Case does not matter.

    >>> from corpusforge.text import segment
    >>> policy_phrase_count(segment(["Terms of Use and Privacy Policy", "We use cookies.", None]))
    array([2., 1., 0.])

    Source: Raffel et al. 2020 (T5), the code of C4 in TensorFlow Datasets (c4_utils.py); as in datatrove 0.10.
    """
    return count_lower_case(text, _POLICY)


def curly_bracket_count(text: TextBatch) -> Floats:
    """How many opening curly brackets the text has.

    >>> from corpusforge.text import segment
    >>> curly_bracket_count(segment(["f() {{ }}", "none", None]))
    array([2., 0., 0.])

    Source: Raffel et al. 2020 (T5), section 2.2.
    """
    return text.count("{").astype(np.float64)
