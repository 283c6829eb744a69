"""The weights of quality.toxicity: what a counted word or context says, as a score of 0 to 1."""

from pathlib import Path
from typing import Any

import numpy as np

from corpusforge.errors import RecipeError
from corpusforge.registry import nearest

FEATURES = (
    *("swear", "mild", "abuse", "slur", "obscene", "hostile"),  # wherever they stand
    *("idiot_you", "idiot_they", "idiot_else", "contempt_you", "contempt_they", "contempt_else"),  # by whom they judge
    *("attack_group", "attack_they"),  # contempt, dehumanising, threats and hate, of a group or of others
    *("deed_group", "every_group", "abuse_aimed", "kind", "dark"),
)
MOST = 3.0  # times that a feature counts in `unit_words` words

_KEYS = ("about", "source", "unit_words", "intercept", "weights")


class ToxicModel:
    """A logistic model over FEATURES, from a YAML file with the keys unit_words, intercept and weights (float64[19]).

    The score is 1 / (1 + exp(-(intercept + weights . x))), x being what was counted per `unit_words` words, or in the
    whole text where that is shorter, MOST at most: a sentence scores what a text of this one sentence does, and what
    is rare in a long text scores nothing.
    """

    def __init__(self, path: Path) -> None:
        found = _read(path)
        self.weights = np.array([float(found["weights"].get(name, 0)) for name in FEATURES])
        self.intercept = float(found["intercept"])
        self.unit_words = float(found["unit_words"])


def _read(path: Path) -> dict[str, Any]:
    from ruamel.yaml import YAML
    from ruamel.yaml.error import YAMLError

    try:
        found = YAML(typ="safe", pure=True).load(path)
    except YAMLError as error:
        raise RecipeError(f"{path} is no YAML: {error}") from error
    if not isinstance(found, dict) or not isinstance(found.get("weights"), dict):
        raise RecipeError(f"{path} holds no weights; it must have the keys unit_words, intercept and weights, a map")
    for key in found:
        if key not in _KEYS:
            raise RecipeError(f"{path}: unknown key '{key}'.{nearest(str(key), list(_KEYS))}")
    for name in found["weights"]:
        if name not in FEATURES:
            raise RecipeError(f"{path}: there is no feature '{name}'.{nearest(str(name), list(FEATURES))}")
    numbers = {**found["weights"], "intercept": found.get("intercept"), "unit_words": found.get("unit_words")}
    for name, number in numbers.items():
        if isinstance(number, bool) or not isinstance(number, int | float):
            raise RecipeError(f"{path}: {name} must be a number, not {number!r}")
    if found["unit_words"] <= 0:
        raise RecipeError(f"{path}: unit_words must be above 0")
    return found
