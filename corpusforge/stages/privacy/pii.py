"""privacy.pii"""

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import ClassVar, Literal

import pyarrow as pa
from pydantic import Field, model_validator

from corpusforge.errors import RecipeError
from corpusforge.registry import resource
from corpusforge.stage import Example, Kernel, Stage, reject, with_columns

Type = Literal["email", "card", "ip", "phone"]
TYPES: tuple[Type, ...] = ("email", "card", "ip", "phone")  # of two equally long spans the first type wins
Action = Literal["mask", "replace", "remove"]


class Pii(Stage):
    """Mask, replace or remove personal data: e-mail addresses, IP addresses, phone and payment card numbers.

    A compiled scan finds candidates: an `@` between names, runs of digits, dotted quads, hexadecimal groups and colons.
    Only these are looked at, in a window of 64 bytes before and 32 behind: check digits, issuers, numbering plans,
    reserved ranges, and words that speak for or against. Work per byte is bounded, whatever the text. Of overlapping
    spans the longest wins. What belongs to nobody stays: private and documentation addresses, example.com, versions.

    Types named in `mask` become their tag (`<EMAIL>`), in `remove` nothing, in `replace` a plausible value that is
    derived from the secret in `key_file`, the doc_id and the value: the same in all mentions inside a document,
    independent of order, and left alone by a second run. Types named nowhere are left alone; when none is named, all
    are masked.

    Every row is edited, those rejected earlier too, since their text may be kept. Null stays null with counts 0.

    Reads: doc_id, text, language (null or unknown: `regions` of "other" in the detector file).
    Writes: text; pii_email, pii_card, pii_ip, pii_phone (int32: spans acted upon).
    Rejects: too_much_pii (value: spans), only with `max_hits`. No value of a text is ever put into a reason.
    Cost: 0.007 to 0.010 CPU s per MB on web text, 0.06 on e-mail with signatures; a text made of nothing but
        candidates up to 9 (measured, one core).
    Errors: RecipeError for a detector file that is none or lacks a type; a type with two actions is refused.

    >>> from corpusforge.testing import docs, run_stage
    >>> run_stage(Pii(mask=["email"]), docs("Write to jane@web.org."))["text"].to_pylist()
    ['Write to <EMAIL>.']

    Source: rules of BigCode (Allal et al. 2023, SantaCoder, section 4) and Dolma (Soldaini et al. 2024) as a start;
    libphonenumber. Unlike these no value is looked for without its surroundings.
    """

    reads: ClassVar[tuple[str, ...]] = ("doc_id", "text", "language")
    writes = {"text": pa.large_string(), **{f"pii_{name}": pa.int32() for name in TYPES}}
    reasons: ClassVar[tuple[str, ...]] = ("too_much_pii",)
    depends: ClassVar[tuple[str, ...]] = ("phonenumberslite",)

    mask: tuple[Type, ...] = ()
    replace: tuple[Type, ...] = ()
    remove: tuple[Type, ...] = ()
    key_file: str | None = None  # without its secret nobody can tell which value a substitute stands for
    max_hits: int | None = Field(None, ge=0)  # spans of a document, inclusive
    regions: tuple[str, ...] = ()  # ISO 3166 codes of phone numbers without country code; empty: from the language
    special_ips: bool = False  # act on private, loopback and documentation addresses and name servers too
    detectors: str = "pii"  # a shipped detector file or a path

    @model_validator(mode="after")
    def _one_action(self) -> "Pii":
        named = [*self.mask, *self.replace, *self.remove]
        if twice := sorted({name for name in named if named.count(name) > 1}):
            raise ValueError(f"{', '.join(twice)}: more than one action")
        return self

    def files(self) -> tuple[str, ...]:
        """Return the path of the detector file, and of the secret."""
        detectors = str(resource("filters", self.detectors))
        return (detectors, self.key_file) if self.key_file else (detectors,)

    def actions(self) -> dict[Type, Action]:
        """Return what is done to each type that is looked for, in the order of types."""
        lists: dict[Action, tuple[Type, ...]] = {"mask": self.mask, "replace": self.replace, "remove": self.remove}
        named = {name: action for action, names in lists.items() for name in names}
        return {name: named[name] for name in TYPES if name in named} if named else dict.fromkeys(TYPES, "mask")

    def open(self) -> Kernel:
        """Read the detector file and return the kernel."""
        from corpusforge.stages.privacy.detectors import detector, load
        from corpusforge.stages.privacy.spans import Span, count, find
        from corpusforge.text import segment
        from corpusforge.text.splice import splice

        path = resource("filters", self.detectors)
        about = load(path)["types"]
        actions = self.actions()
        if missing := [name for name in actions if name not in about]:
            raise RecipeError(f"the detector file says nothing about {', '.join(missing)}", str(path))
        if self.special_ips and "ip" in actions:
            about["ip"]["left_alone"] = []
        chosen = [detector(name, about[name]) for name in actions]
        secret = hashlib.blake2b(Path(self.key_file).read_bytes() if self.key_file else b"").digest()
        regions = {"": self.regions}
        if "phone" in actions and not self.regions:
            regions = {language: tuple(codes) for language, codes in about["phone"]["regions"].items()}

        def kernel(batch: pa.RecordBatch) -> pa.RecordBatch:
            column = batch.column("text")
            text = segment(column)
            spans = find(text, chosen, _regions(batch, regions))
            ids = batch.column("doc_id")

            def piece(span: Span) -> bytes:
                name = list(actions)[span.kind]
                if actions[name] == "mask":
                    return str(about[name]["tag"]).encode()
                if actions[name] == "remove":
                    return b""
                one = chosen[span.kind]
                said = "\0".join((ids[span.document].as_py() or "", name, one.identity(span.value)))
                digest = hashlib.blake2b(said.encode(), key=secret, digest_size=16).digest()
                return one.substitute(span.value, int.from_bytes(digest, "big")).encode()

            counts = count(spans, len(chosen), text.documents)
            by_type = dict(zip(actions, counts, strict=True))
            zeros = pa.array([0] * text.documents, pa.int32())
            columns = {f"pii_{name}": pa.array(by_type[name]) if name in by_type else zeros for name in TYPES}
            edited = splice(column, [s.start for s in spans], [s.end for s in spans], [piece(s) for s in spans])
            batch = with_columns(batch, text=edited, **columns)
            if self.max_hits is None:
                return batch
            hits = counts.sum(axis=0)
            return reject(batch, hits > self.max_hits, "too_much_pii", value=hits)

        return kernel

    @classmethod
    def examples(cls, folder: Path) -> tuple[Example, ...]:
        """Show each action, the counts, and a document with too much."""
        text = "Mail jo@web.org or call (212) 664-7665."
        return (
            Example(cls(), {"text": "Version 1.2.3 of 2024-03-15."}, None, {"pii_email": 0, "pii_phone": 0}),
            Example(cls(), {"text": text}, None, {"text": "Mail <EMAIL> or call <PHONE>.", "pii_email": 1}),
            Example(
                cls(remove=("email",)), {"text": text}, None, {"text": "Mail  or call (212) 664-7665.", "pii_phone": 0}
            ),
            Example(cls(max_hits=1), {"text": text}, "too_much_pii", {"rejected_value": 2.0, "rejected_detail": None}),
            Example(cls(replace=("email",)), {"text": "a@b.org"}, None, {"pii_email": 1}),
        )


def _regions(batch: pa.RecordBatch, regions: Mapping[str, tuple[str, ...]]) -> list[tuple[str, ...]]:
    """Return the regions in which each document may have been written."""
    if "" in regions:
        return [regions[""]] * batch.num_rows
    if "language" not in batch.schema.names:
        return [regions["other"]] * batch.num_rows
    languages = batch.column("language").to_pylist()
    return [regions.get((x or "other").lower().partition("-")[0], regions["other"]) for x in languages]
