"""Mixtures: what a recipe asks of each source, and what that is in tokens, bytes or documents.

Only descriptions and arithmetic; mixing.py draws.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from math import ceil
from typing import Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from corpusforge.errors import RecipeError, RunError
from corpusforge.registry import nearest, resource

Measure = Literal["tokens", "bytes", "documents"]
SUM_TOLERANCE = Fraction(1, 1_000_000)


class Share(BaseModel):
    """What one source gives: a fraction of what the budgets of others leave, a budget of its own, or epochs."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    fraction: float | None = Field(None, ge=0, le=1)
    budget: int | None = Field(None, ge=0)  # in the mix's unit; 0 leaves the source out
    epochs: float | None = Field(None, gt=0)  # 2.5: every document twice, and half of them a third time
    max_epochs: float | None = Field(None, gt=0)  # instead of the mix's

    @model_validator(mode="before")
    @classmethod
    def _bare_number(cls, given: Any) -> Any:
        return {"fraction": given} if isinstance(given, int | float) and not isinstance(given, bool) else given

    @model_validator(mode="after")
    def _exactly_one(self) -> Self:
        given = [name for name in ("fraction", "budget", "epochs") if getattr(self, name) is not None]
        if len(given) != 1:
            said = " and ".join(given) or "none of them"
            raise ValueError(f"a source of a mix has exactly one of fraction, budget and epochs, not {said}")
        if self.epochs is not None and self.max_epochs is not None:
            raise ValueError("epochs says how often a source is repeated; leave max_epochs out")
        return self


class Mix(BaseModel):
    """How much each source gives, by whole documents.

    Fractions are of `total` less what sources with a budget or epochs take, and sum to 1. Without a `total` it is as
    large as `max_epochs` of every source allows. A source's budget is met by whole epochs and by the documents that
    come first in a seeded order of one more; what is obtained is at least what was asked and exceeds it by less than
    one document. What cannot be met stops the run, unless `shortfall: allow` or the run is a trial (--limit, --sample);
    the manifest then says what is missing.
    `preset` is a shipped mixture (pipelines/mixtures/) or a file, and `map` says which source stands for each of its
    entries; of one without a counterpart (`news: null`) the share is divided among the others.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    sources: dict[str, Share] = Field(min_length=1)
    total: int | None = Field(None, ge=1)
    unit: Measure | None = None  # tokens when every source has token_count, else bytes of text
    max_epochs: float = Field(1, gt=0)  # most often that a document may be seen
    shortfall: Literal["error", "allow"] = "error"

    @model_validator(mode="before")
    @classmethod
    def _from_preset(cls, given: Any) -> Any:
        # Filled in here, so that a resolved recipe says every share and the fingerprint covers it.
        if not isinstance(given, Mapping) or not {"preset", "map"} & set(given):
            return given
        rest = {name: value for name, value in given.items() if name not in ("preset", "map")}
        if "preset" not in given or "sources" in given:
            raise ValueError("a mix has either sources, or a preset and its map")
        return {**rest, "sources": preset_shares(given["preset"], given.get("map"), given.get("max_epochs"))}

    @field_validator("sources")
    @classmethod
    def _sum_to_one(cls, sources: dict[str, Share]) -> dict[str, Share]:
        fractions = [Fraction(str(share.fraction)) for share in sources.values() if share.fraction is not None]
        if fractions and abs(sum(fractions, Fraction()) - 1) > SUM_TOLERANCE:
            raise ValueError(
                f"the fractions sum to {float(sum(fractions)):g}, not 1; they divide what sources with a budget or "
                "epochs leave of the total"
            )
        return sources

    @model_validator(mode="after")
    def _total_is_of_use(self) -> Self:
        if self.total is not None and all(share.fraction is None for share in self.sources.values()):
            raise ValueError("a total is what fractions are of, and no source has a fraction; leave it out")
        return self

    def bound(self, source: str) -> Fraction:
        """Return how often a document of `source` may be written."""
        share = self.sources[source]
        return Fraction(str(share.epochs or share.max_epochs or self.max_epochs))

    def lines(self) -> list[str]:
        """Say for people what is asked of each source."""
        said = []
        for name, share in self.sources.items():
            if share.fraction is not None:
                often = f", at most {float(self.bound(name)):g} times" if self.bound(name) != 1 else ""
                said.append(f"{name} {share.fraction:.2%}{often}")
            else:
                said.append(
                    f"{name} {share.budget:,}" if share.budget is not None else f"{name} {share.epochs:g} times"
                )
        return [*said, f"{self.total:,} in all"] if self.total is not None else said

    @property
    def repeats(self) -> bool:
        """Whether a document may be written more than once."""
        return any(self.bound(source) > 1 for source in self.sources)


def preset_shares(preset: Any, mapping: Any, max_epochs: Any) -> dict[str, dict[str, float]]:
    """Return the shares of a published mixture by the recipe's sources, fractions that sum to 1.

    A source may stand for several entries. Unless the recipe gives `max_epochs`, a source may be repeated as often as
    in the paper, and is never held below one epoch.
    """
    from ruamel.yaml import YAML

    try:
        path = resource("pipelines/mixtures", str(preset))
    except RecipeError as error:
        raise ValueError(f"preset: {error.message}") from None
    entries: dict[str, dict[str, float]] = YAML(typ="safe", pure=True).load(path.read_text(encoding="utf-8"))["sources"]
    mapping = mapping if isinstance(mapping, Mapping) else {}
    for name in mapping:
        if name not in entries:
            raise ValueError(f"map: {path.stem} has no '{name}'.{nearest(str(name), list(entries)) or _are(entries)}")
    if missing := [name for name in entries if name not in mapping]:
        raise ValueError(
            f"map: {path.stem} also has {', '.join(missing)}; say which source stands for each, or null to leave it out"
        )
    used = {name: str(source) for name, source in mapping.items() if source is not None}
    whole = sum(Fraction(str(entries[name]["fraction"])) for name in used)
    if not whole:
        raise ValueError(f"map: no source stands for any of {', '.join(entries)}")
    shares: dict[str, dict[str, float]] = {}
    for source in dict.fromkeys(used.values()):
        mine = [entries[name] for name, mapped in used.items() if mapped == source]
        shares[source] = {"fraction": float(sum(Fraction(str(e["fraction"])) for e in mine) / whole)}
        if max_epochs is None:
            shares[source]["max_epochs"] = max(1.0, *(e.get("epochs", 1.0) for e in mine))
    return shares


def _are(names: Mapping[str, Any]) -> str:
    return f" It has {', '.join(names)}"


class Upsample(BaseModel):
    """Write documents several times, by the number in a column: `copies: {2: 2, 100: 3}` writes those with at least 2
    twice and those with at least 100 three times.

    Everything below the first number, and null, is written once. With a mix an epoch of a source holds these copies.
    Source: Penedo et al. 2025 (FineWeb2, arXiv:2506.20920), "rehydration", which repeats a document by the size of the
    cluster of near-duplicates it stands for; the numbers are the recipe's.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    column: str = "cluster_size"
    copies: dict[float, int] = Field(min_length=1)  # least value -> copies

    @field_validator("copies")
    @classmethod
    def _ordered(cls, copies: dict[float, int]) -> dict[float, int]:
        if any(count < 1 for count in copies.values()):
            raise ValueError("a document is written at least once; reject it by a stage, or leave it out by a mix")
        return dict(sorted(copies.items()))


@dataclass(frozen=True)
class Draw:
    """Which copies of a source are written: `whole` epochs, and of one more those with a draw key up to `last_key`."""

    whole: int = 1
    last_key: int = -1  # -1: none


@dataclass(frozen=True)
class Budget:
    """What a source gives: `asked` as the recipe says, `given` of it possible; `whole` epochs and `rest` of another."""

    size: int  # of one epoch
    asked: int
    given: int

    @property
    def whole(self) -> int:
        """Epochs that are written completely."""
        return self.given // self.size if self.size else 0

    @property
    def rest(self) -> int:
        """What of another epoch is written."""
        return self.given - self.whole * self.size


def budgets(mix: Mix, sizes: Mapping[str, int], unit: Measure) -> dict[str, Budget]:
    """Return the budget of every source from the sizes of one epoch; RunError when they cannot be met.

    >>> mix = Mix(sources={"web": 0.75, "books": Share(fraction=0.25, max_epochs=2)}, total=400)
    >>> found = budgets(mix, {"web": 1000, "books": 60}, "tokens")
    >>> found["web"].given, found["books"].whole, found["books"].rest
    (300, 1, 40)
    """
    asked = _asked(mix, sizes, unit)
    most = {source: ceil(mix.bound(source) * size) for source, size in sizes.items()}
    found = {s: Budget(sizes[s], asked[s], min(asked[s], most[s])) for s in sizes}
    short = [s for s, budget in found.items() if budget.given < budget.asked]
    if short and mix.shortfall == "error":
        said = "; ".join(
            f"{s} has {sizes[s]:,} {unit}, {found[s].asked:,} are asked, and max_epochs is {_number(mix.bound(s))}"
            for s in short
        )
        raise RunError(
            f"layout.mix cannot be met: {said}. Raise max_epochs{_fitting(mix, sizes, asked)}, or say "
            "shortfall: allow. What was done before the layout is kept: run the same command with the changed recipe"
        )
    return found


def _asked(mix: Mix, sizes: Mapping[str, int], unit: Measure) -> dict[str, int]:
    asked: dict[str, int] = {}
    for source, share in mix.sources.items():
        if share.budget is not None:
            asked[source] = share.budget
        elif share.epochs is not None:
            asked[source] = ceil(mix.bound(source) * sizes[source])
    parts = _fractions(mix)
    if mix.total is not None and sum(asked.values()) > mix.total:
        raise RunError(
            f"layout.mix: the sources with a budget or epochs take {sum(asked.values()):,} {unit} and the total is "
            f"{mix.total:,}; raise it"
        )
    if mix.total is not None:
        left: Fraction | int = mix.total - sum(asked.values())
    else:
        empty = [s for s, part in parts.items() if part and not sizes[s]]
        if empty and mix.shortfall == "error":
            raise RunError(
                f"layout.mix: no {unit} are left of source '{empty[0]}', so a mix with a fraction of it is empty. "
                "Leave it out with {budget: 0}, or say shortfall: allow"
            )
        some = {s: part for s, part in parts.items() if part and sizes[s]}
        left = min((mix.bound(s) * sizes[s] / part for s, part in some.items()), default=0)
    for source, part in parts.items():
        asked[source] = int(left * part)
    return {source: asked[source] for source in sizes}


def _fractions(mix: Mix) -> dict[str, Fraction]:
    found = {s: Fraction(str(share.fraction)) for s, share in mix.sources.items() if share.fraction is not None}
    whole = sum(found.values())
    return {source: part / whole for source, part in found.items()}


def _fitting(mix: Mix, sizes: Mapping[str, int], asked: Mapping[str, int]) -> str:
    parts = _fractions(mix)
    if mix.total is None or not parts:
        return ""
    left = min(mix.bound(s) * sizes[s] / part for s, part in parts.items() if part)
    fixed = sum(count for source, count in asked.items() if source not in parts)
    return f", or lower the total to {int(left) + fixed:,}" if left else ""


def _number(value: Fraction) -> str:
    return f"{float(value):g}"


def mixture_mistake(mix: Mix, sources: list[str]) -> tuple[str, str] | None:
    """Return the name at fault and what is wrong with it when a mix does not name just the recipe's sources."""
    for name in mix.sources:
        if name not in sources:
            return name, f"there is no source '{name}'.{nearest(name, sources) or ' Sources: ' + ', '.join(sources)}"
    if left := [name for name in sources if name not in mix.sources]:
        return left[0], f"nothing is said of source '{left[0]}'; give it a share, or leave it out with {{budget: 0}}"
    return None
