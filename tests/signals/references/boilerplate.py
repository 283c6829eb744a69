"""Phrases in lower-cased text."""

from collections.abc import Callable

POLICY = ("terms of use", "privacy policy", "cookie policy", "uses cookies", "use of cookies", "use cookies")

REFERENCE: dict[str, Callable[[str], float]] = {
    "lorem_ipsum_count": lambda x: x.lower().count("lorem ipsum"),
    "javascript_count": lambda x: x.lower().count("javascript"),
    "policy_phrase_count": lambda x: sum(x.lower().count(phrase) for phrase in POLICY),
    "curly_bracket_count": lambda x: x.count("{"),
}
