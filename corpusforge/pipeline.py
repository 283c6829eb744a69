"""A pipeline: sources + stages + layout + writer, as plain frozen data.

`recipe.py` makes one from YAML; library users build it directly and call `run()`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, Self

from pydantic import BaseModel, ByteSize, ConfigDict, Field, TypeAdapter, field_validator, model_validator

from corpusforge.engine.mixture import Measure, Mix, Upsample
from corpusforge.engine.validation import Validation
from corpusforge.registry import name_of
from corpusforge.source import Reader
from corpusforge.stage import Stage
from corpusforge.stages.write.packing import Pack
from corpusforge.stages.write.parquet import Parquet
from corpusforge.writer import Writer

if TYPE_CHECKING:
    from corpusforge.engine.run import Outcome


@dataclass(frozen=True)
class Step:
    """One stage of a recipe, and the sources it acts on."""

    name: str  # as the recipe writes it
    stage: Stage
    only: tuple[str, ...] = ()  # empty: every source
    except_: tuple[str, ...] = ()
    where: str = ""  # file:line:column in the recipe

    def acts_on(self, source: str) -> bool:
        """Say whether the documents of `source` pass through this step."""
        return source not in self.except_ and (not self.only or source in self.only)


@dataclass(frozen=True)
class Source:
    """One named source: a reader and the stages that only its documents pass."""

    name: str
    reader_name: str  # "read.warc"
    reader: Reader
    steps: tuple[Step, ...] = ()
    where: str = ""


class Layout(BaseModel):
    """Which documents are written, how often, in what order, and whether they are packed into sequences.

    A mix or upsampling is always shuffled, since copies of one document must not stand side by side.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    order: Literal["reading", "shuffled"] = "reading"
    seed: int = Field(0, ge=0, lt=1 << 64)
    mix: Mix | None = None
    upsample: Upsample | None = None
    validation: Validation | None = None
    pack: Pack | None = None

    @model_validator(mode="before")
    @classmethod
    def _copies_are_shuffled(cls, given: Any) -> Any:
        # Filled in here, so that a resolved recipe says it.
        if isinstance(given, Mapping) and (given.get("mix") or given.get("upsample")):
            return {"order": "shuffled", **given}
        return given

    @model_validator(mode="after")
    def _no_copies_in_reading_order(self) -> Self:
        if self.order == "reading" and (self.mix or self.upsample):
            raise ValueError("order: a mix and upsampling are written in shuffled order; leave out 'order: reading'")
        return self

    @property
    def repeats(self) -> bool:
        """Whether a document may be written more than once; the column `copy` then says which time it is."""
        return self.upsample is not None or (self.mix is not None and self.mix.repeats)


class SignalSample(BaseModel):
    """Store the signals of a share of documents only, by hash of the doc_id."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    sample: float = Field(gt=0, le=1)  # 0.01: of one document in a hundred, the same ones whatever the run


class RayOptions(BaseModel):
    """How to run on Ray; nothing here changes a byte.

    `needs` has by stage what its tasks need of a node, in place of what the stage declares: `memory` in bytes (64MB),
    CPU, GPU, or a name that an operator gave to nodes. A run on this machine minds only what the machine has.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    needs: dict[str, dict[str, float]] = {}
    # As Ray takes it; left out of the output's recipe.yaml, since it is of one cluster and may hold secrets.
    runtime_env: dict[str, Any] = Field({}, exclude=True, repr=False)
    wait_seconds: float = Field(900, gt=0)  # for a node that can hold a task, when none of the cluster can

    @field_validator("needs", mode="before")
    @classmethod
    def _bytes(cls, value: Any) -> Any:
        if not isinstance(value, Mapping):
            return value
        size = TypeAdapter(ByteSize)
        return {
            stage: {n: float(size.validate_python(v)) if n == "memory" else v for n, v in needs.items()}
            if isinstance(needs, Mapping)
            else needs
            for stage, needs in value.items()
        }


class RunOptions(BaseModel):
    """How to run.

    Only max_document_bytes, split_bytes, signals, keep_rejected, limit and sample can change the bytes written.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    workers: int | Literal["auto"] = "auto"  # 1 never starts Ray; auto: one per CPU
    keep_rejected: Literal["none", "ids", "text", "raw_text"] = "ids"
    samples: int = Field(20, ge=0, le=1000)  # rejected documents shown in the report, of each reason; masked
    max_error_fraction: float = Field(0.001, ge=0, le=1)  # of documents read; above it the run fails
    # Of all columns of a document; a larger one goes to quarantine. Kernels count places in 31 bits, hence the bound.
    max_document_bytes: ByteSize = Field(ByteSize(64 << 20), ge=1, le=1 << 30)
    split_bytes: ByteSize = ByteSize(64 << 20)  # stored bytes
    batch_bytes: ByteSize = ByteSize(4 << 20)  # text in memory at a time, per worker
    worker_memory: ByteSize | None = None  # batches become smaller to fit it; default: a share of the machine's
    partition_bytes: ByteSize = ByteSize(256 << 20)  # of an exchange
    max_batch_seconds: float = Field(1800, gt=0)  # in one stage; the last guard against a stage that hangs
    signals: Literal["all", "none"] | SignalSample = "all"
    keep_work: bool = False
    work: str | None = None  # folder of intermediates; default OUTPUT/.work
    ray: RayOptions = RayOptions()
    limit: int | None = Field(None, ge=1)  # documents per source
    sample: float | None = Field(None, gt=0, le=1)  # share of documents, by hash of the doc_id

    @field_validator("signals", mode="before")
    @classmethod
    def _signals(cls, value: Any) -> Any:
        # One message, in place of one for each form that the value might have been meant as.
        share = value.get("sample") if isinstance(value, Mapping) and set(value) == {"sample"} else None
        known = value in ("all", "none") or isinstance(value, SignalSample)
        if known or (isinstance(share, int | float) and not isinstance(share, bool) and 0 < share <= 1):
            return value
        raise ValueError("write all, none, or {sample: SHARE}, a share of documents above 0 and at most 1")

    @property
    def signals_share(self) -> float:
        """The share of documents whose signals are stored, 0..1."""
        if isinstance(self.signals, SignalSample):
            return self.signals.sample
        return float(self.signals == "all")


class Expect(BaseModel):
    """What a recipe makes of its default input, in documents; `corpusforge run --expect` holds a run to it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    read: int = Field(ge=0)
    kept: int = Field(ge=0)
    quarantined: int = Field(0, ge=0)
    rejected: dict[str, int] = {}  # by stage; those that are not named reject nothing

    def differences(self, manifest: dict[str, Any]) -> list[str]:
        """Say, a line each, what of a run's manifest is otherwise."""
        rejected: dict[str, int] = {}
        for stage in manifest["stages"]:
            rejected[stage["name"]] = rejected.get(stage["name"], 0) + sum(stage["rejected"].values())
        wanted = {"read": self.read, "kept": self.kept, "quarantined": self.quarantined}
        found = {name: manifest["documents"][name] for name in wanted}
        wanted |= {f"rejected by {name}": count for name, count in self.rejected.items() if count}
        found |= {f"rejected by {name}": count for name, count in rejected.items() if count}
        return [
            f"{name}: {found.get(name, 0)}, expected {wanted.get(name, 0)}"
            for name in dict.fromkeys([*wanted, *found])
            if found.get(name, 0) != wanted.get(name, 0)
        ]


@dataclass(frozen=True)
class Pipeline:
    """Sources, the steps every source passes, layout, writer and run options."""

    sources: tuple[Source, ...]
    steps: tuple[Step, ...] = ()
    writer: Writer = field(default_factory=lambda: Parquet(path="out"))
    layout: Layout = field(default_factory=Layout)
    options: RunOptions = field(default_factory=RunOptions)
    where: str = ""  # the recipe's file
    resolved: str = ""  # the recipe with every default and variable filled in, as YAML
    expect: Expect | None = None
    # dotted name of a key, such as layout.mix -> file:line:column in the recipe
    places: Mapping[str, str] = field(default_factory=dict, compare=False)

    @property
    def measure(self) -> Measure:
        """What a mix counts: as it says, else tokens if every source has them, else bytes of text."""
        if self.layout.mix is not None and self.layout.mix.unit is not None:
            return self.layout.mix.unit
        counted = all(
            any("token_count" in step.stage.writes for step in self.steps_of(source)) for source in self.sources
        )
        return "tokens" if counted else "bytes"

    def place(self, name: str) -> str:
        """Return where a dotted name such as layout.mix.total stands in the recipe, or the nearest name above it."""
        while name and name not in self.places:
            name = name.rpartition(".")[0]
        return self.places.get(name, self.where)

    def steps_of(self, source: Source) -> tuple[Step, ...]:
        """Return every step the documents of `source` pass, in order."""
        return source.steps + tuple(s for s in self.steps if s.acts_on(source.name))

    def output_lines(self) -> list[str]:
        """Describe layout and writer for people."""
        layout, writer = self.layout, self.writer
        said = [f"{layout.order} order" + (f", seed {layout.seed}" if layout.order == "shuffled" else "")]
        if layout.mix is not None:
            said.append(f"mix by {self.measure}: {', '.join(layout.mix.lines())}")
        if layout.upsample is not None:
            steps = ", ".join(f"{count} times from {least:g}" for least, count in layout.upsample.copies.items())
            said.append(f"upsampling by {layout.upsample.column}: {steps}")
        if layout.validation is not None:
            said.append(f"validation: {layout.validation.line()}")
        if layout.pack is not None:
            said.append(f"packing: {layout.pack.line()}")
        by = f", a folder for each {writer.partition_by}" if writer.partition_by else ""
        shards = f"shards of {int(writer.shard_bytes) / 1e6:.0f} MB{by}"
        return [f"layout: {line}" for line in said] + [f"writer: {name_of(type(writer))}, {shards}"]

    def run(self, *, address: str | None = None, replace: bool = False, fresh: bool = False) -> Outcome:
        """Run to completion, or continue an earlier run of the same pipeline; returns the manifest's figures."""
        from corpusforge.engine.run import run

        return run(self, address=address, replace=replace, fresh=fresh)
