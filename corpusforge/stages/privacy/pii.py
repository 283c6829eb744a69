"""privacy.pii"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar, Literal

import numpy as np
import pyarrow as pa
from pydantic import ValidationInfo, field_serializer, field_validator, model_validator

from corpusforge.registry import nearest, resource
from corpusforge.stage import Example, Kernel, Stage, reject, with_columns
from corpusforge.stages.privacy.types import REST, SPANS_TYPE, Action, about_types, default_types


class Pii(Stage):
    """Mask, replace, hash or remove personal data and secrets: addresses, numbers of persons and accounts, keys.

    The types are those of a detector file (`corpusforge show pii` prints the shipped one with its examples). Compiled
    scans find candidates: an `@` between names, runs of digits, groups with colons, codes of letters and digits, long
    words, values of secret names. Only these are looked at, in a window of 64 bytes before and 32 behind: check
    digits, issuers, numbering plans, reserved ranges, and words that speak for or against. Work per byte is bounded,
    whatever the text. Of overlapping spans the longest wins. What belongs to nobody stays: private and documentation
    addresses, placeholders, versions.

    Types named in `mask` become their tag (`<EMAIL>`), in `remove` nothing, in `hash` a tag with a keyed hash
    (`<EMAIL:kdbf...>`, the same for one value in every document), in `replace` a plausible value that is derived from
    the secret in `key_file`, the doc_id and the value: the same in all mentions inside a document, independent of
    order, and left alone by a second run. `rest` in one of the lists stands for every default type that is named
    nowhere else. Types named nowhere are left alone; when none is named, all default types are masked.

    `max_hits: 20` rejects documents with more spans, `max_hits: {private_key: 0, email: 50, total: 100}` by type; a
    type that is named only there is masked. `spans: places` logs type, first and last byte (end exclusive) of each
    span in the text before this stage, `spans: hashed` also the keyed hash of its value. Values are never logged.

    Every row is edited, those rejected earlier too, since their text may be kept, and the title with the text. Null
    stays null with counts 0. Addresses and metadata are left as they are unless `also` names them: later stages and
    `corpusforge explain` find documents by them.

    Reads: doc_id, text, language (null or unknown: `regions` of "other" in the detector file), title.
    Writes: text, title; pii_<type> (int32: spans acted upon) of each type looked for; pii_spans, if asked for (those of
        the text: list of type, start, end, hash). The counts are added up in the manifest.
    Rejects: too_much_pii (value: spans), only with `max_hits`. No value of a text is ever put into a reason.
    Cost: 0.008 to 0.010 CPU s per MB on web text, 0.06 on e-mail with signatures; a text made of nothing but
        candidates up to 7 (measured, one core).
    Errors: RecipeError for a detector file that is none or lacks a type; a type with two actions is refused, and
        `hash` or `spans: hashed` without a `key_file`: without a secret anybody can try all phone numbers.

    >>> from corpusforge.testing import docs, run_stage
    >>> run_stage(Pii(mask=["email"]), docs("Write to jane@web.org."))["text"].to_pylist()
    ['Write to <EMAIL>.']

    Source: rules of BigCode (Allal et al. 2023, SantaCoder, section 4) and Dolma (Soldaini et al. 2024) as a start;
    libphonenumber. Unlike these no value is looked for without its surroundings.
    """

    reads: ClassVar[tuple[str, ...]] = ("doc_id", "text", "language")
    reasons: ClassVar[tuple[str, ...]] = ("too_much_pii",)
    depends: ClassVar[tuple[str, ...]] = ("phonenumberslite",)
    version: ClassVar[int] = 2

    detectors: str = "pii"  # a shipped detector file or a path
    mask: tuple[str, ...] = ()
    replace: tuple[str, ...] = ()
    hash: tuple[str, ...] = ()
    remove: tuple[str, ...] = ()
    key_file: str | None = None  # without its secret nobody can tell which value a substitute or hash stands for
    max_hits: int | tuple[tuple[str, int], ...] | None = None  # spans of a document, inclusive; in total, or by type
    regions: tuple[str, ...] = ()  # ISO 3166 codes of phone numbers without country code; empty: from the language
    special_ips: bool = False  # act on private, loopback and documentation addresses and name servers too
    also: tuple[Literal["title", "url", "metadata"], ...] = ("title",)  # columns that are edited as well, if present
    spans: Literal["none", "places", "hashed"] = "none"

    @field_validator("mask", "replace", "hash", "remove", "regions", "also", mode="before")
    @classmethod
    def _one(cls, value: Any) -> Any:
        return (value,) if isinstance(value, str) else value

    @field_validator("mask", "replace", "hash", "remove")
    @classmethod
    def _known(cls, names: tuple[str, ...], info: ValidationInfo) -> tuple[str, ...]:
        known = [*about_types(info.data.get("detectors", "pii")), REST] if names else []
        for name in names:
            if name not in known:
                raise ValueError(f"there is no type '{name}' in the detector file.{nearest(name, known)}")
        return names

    @field_validator("max_hits")
    @classmethod
    def _bounded(cls, value: Any, info: ValidationInfo) -> Any:
        limits = value if isinstance(value, tuple) else () if value is None else (("total", value),)
        known = [*about_types(info.data.get("detectors", "pii")), "total"] if limits else []
        for name, limit in limits:
            if name not in known:
                raise ValueError(f"there is no type '{name}' in the detector file.{nearest(name, known)}")
            if limit < 0:
                raise ValueError(f"a number of spans is 0 or more, not {limit}")
        return value

    @field_validator("max_hits", mode="before")
    @classmethod
    def _as_pairs(cls, value: Any) -> Any:
        return tuple(sorted(value.items())) if isinstance(value, Mapping) else value

    @field_serializer("max_hits")
    def _as_map(self, value: int | tuple[tuple[str, int], ...] | None) -> int | dict[str, int] | None:
        return dict(value) if isinstance(value, tuple) else value

    @model_validator(mode="after")
    def _consistent(self) -> "Pii":
        named = [*self.mask, *self.replace, *self.hash, *self.remove]
        if twice := sorted({name for name in named if named.count(name) > 1}):
            raise ValueError(f"{', '.join(twice)}: more than one action")
        if (self.hash or self.spans == "hashed") and not self.key_file:
            raise ValueError(
                "a hash needs key_file, a file with a secret of your own (32 random bytes will do): without it anybody "
                "can try all phone numbers until one has the hash"
            )
        return self

    def _limits(self) -> dict[str, int]:
        if self.max_hits is None:
            return {}
        return dict(self.max_hits) if isinstance(self.max_hits, tuple) else {"total": self.max_hits}

    def files(self) -> tuple[str, ...]:
        """Return the path of the detector file, and of the secret."""
        detectors = str(resource("filters", self.detectors))
        return (detectors, self.key_file) if self.key_file else (detectors,)

    def actions(self) -> dict[str, Action]:
        """Return what is done to each type that is looked for, in the order of types."""
        lists: dict[Action, tuple[str, ...]] = {
            "mask": self.mask, "replace": self.replace, "hash": self.hash, "remove": self.remove,
        }  # fmt: skip
        named = {name: action for action, names in lists.items() for name in names}
        if not named:
            named = {REST: "mask"}
        rest = named.pop(REST, None)
        if rest is not None:
            named = {**dict.fromkeys(default_types(self.detectors), rest), **named}
        for name in self._limits():
            if name != "total":
                named.setdefault(name, "mask")
        return {name: named[name] for name in about_types(self.detectors) if name in named}

    def columns_written(self) -> Mapping[str, pa.DataType]:
        """The text, the count of each type looked for, and the spans if asked for."""
        columns: dict[str, pa.DataType] = {"text": pa.large_string(), **dict.fromkeys(self.also, pa.string())}
        columns |= {column: pa.int32() for column in self.columns_counted()}
        return columns if self.spans == "none" else {**columns, "pii_spans": SPANS_TYPE}

    def columns_counted(self) -> tuple[str, ...]:
        """The counts that the manifest adds up."""
        return tuple(f"pii_{name}" for name in self.actions())

    def open(self) -> Kernel:
        """Read the detector file and return the kernel."""
        from corpusforge.stages.privacy.pieces import Pieces
        from corpusforge.stages.privacy.spans import count, find
        from corpusforge.stages.privacy.types import make
        from corpusforge.text import segment
        from corpusforge.text.splice import splice

        actions = self.actions()
        types = make(self.detectors, actions, self.special_ips, self.regions)
        pieces = Pieces(types, actions, Path(self.key_file).read_bytes() if self.key_file else b"")
        limits = self._limits()

        def kernel(batch: pa.RecordBatch) -> pa.RecordBatch:
            regions = types.regions_of(batch)
            ids = batch.column("doc_id")
            counts = np.zeros((len(actions), batch.num_rows), np.int32)
            columns: dict[str, pa.Array] = {}
            for name in [*(c for c in self.also if c in batch.schema.names), "text"]:  # the text's arrays are kept last
                column = batch.column(name)
                text = segment(column)
                spans = find(text, types.detectors, regions)
                counts += count(spans, len(actions), batch.num_rows)
                new = [pieces.of(span, ids[span.document].as_py() or "") for span in spans]
                edited = splice(column, [s.start for s in spans], [s.end for s in spans], new)
                columns[name] = edited.cast(column.type) if name in self.also else edited
                if name == "text" and self.spans != "none":
                    columns["pii_spans"] = pieces.log(spans, text.offsets, hashed=self.spans == "hashed")
            columns |= {f"pii_{name}": pa.array(counts[i]) for i, name in enumerate(actions)}
            batch = with_columns(batch, **columns)
            if not limits:
                return batch
            total = counts.sum(axis=0)
            over = np.zeros(batch.num_rows, bool)
            for name, limit in limits.items():
                over |= (total if name == "total" else counts[list(actions).index(name)]) > limit
            return reject(batch, over, "too_much_pii", value=total)

        return kernel

    @classmethod
    def examples(cls, folder: Path) -> tuple[Example, ...]:
        """Show each action, the counts, the log, and documents with too much."""
        text = "Mail jo@web.org or call (212) 664-7665."
        key = folder / "secret"
        key.write_bytes(b"not a secret")
        place = {"type": "email", "start": 5, "end": 15, "hash": None}
        removed = {"text": "Mail  or call (212) 664-7665.", "pii_email": 1}
        return (
            Example(cls(), {"text": "Version 1.2.3 of 2024-03-15."}, None, {"pii_email": 0, "pii_phone": 0}),
            Example(cls(), {"text": text}, None, {"text": "Mail <EMAIL> or call <PHONE>.", "pii_email": 1}),
            Example(cls(remove=("email",)), {"text": text}, None, removed),
            Example(cls(max_hits=1), {"text": text}, "too_much_pii", {"rejected_value": 2.0, "rejected_detail": None}),
            Example(cls(max_hits={"phone": 0}), {"text": text}, "too_much_pii", {"pii_phone": 1}),
            Example(cls(replace=("email",)), {"text": "a@b.org"}, None, {"pii_email": 1}),
            Example(cls(mask=("email",), spans="places"), {"text": text}, None, {"pii_spans": [place]}),
            Example(cls(hash=("email",), key_file=str(key)), {"text": text}, None, {"pii_email": 1}),
        )
