"""Hold the layout and the writer of a pipeline to the sources and columns there are, before anything runs."""

from collections.abc import Mapping

import pyarrow as pa

from corpusforge.engine.mixture import mixture_mistake
from corpusforge.engine.shuffling import COPY
from corpusforge.errors import RecipeError
from corpusforge.mistakes import or_list
from corpusforge.pipeline import Pipeline
from corpusforge.registry import maker, name_of, nearest
from corpusforge.schema import CORE, SIGNAL_PREFIX
from corpusforge.stages.dedup.minhash import Minhash
from corpusforge.stages.write.packing import packed_schema

Columns = Mapping[str, Mapping[str, pa.DataType]]  # source -> column -> type, at the end of the recipe

DEFAULT_CLUSTER = "cluster_id"
PARTITION_TYPES = (pa.types.is_string, pa.types.is_large_string, pa.types.is_integer, pa.types.is_boolean)
ALIKE = 0.8  # Jaccard similarity of documents that a validation split must not part
MOST_MISSED = 0.01
SIZED_BY = {"tokens": "token_count", "bytes": "text"}


def check(pipeline: Pipeline, columns: Columns) -> list[str]:
    """Hold layout and writer to what there is, and return warnings; RecipeError with the place in the recipe."""
    columns = {source: _written(have) for source, have in columns.items()}
    _check_mix(pipeline, columns)
    _check_copies(pipeline, columns)
    _check_upsampling(pipeline, columns)
    _check_output(pipeline, columns)
    return _check_validation(pipeline, columns)


def _written(have: Mapping[str, pa.DataType]) -> dict[str, pa.DataType]:
    # Signals leave a run by signals/, not with the documents.
    return {name: kind for name, kind in have.items() if not name.startswith(SIGNAL_PREFIX)}


def _check_mix(pipeline: Pipeline, columns: Columns) -> None:
    mix = pipeline.layout.mix
    if mix is None:
        return
    if mistake := mixture_mistake(mix, list(columns)):
        name, said = mistake
        raise RecipeError(f"layout: mix: {said}", pipeline.place(f"layout.mix.sources.{name}"))
    needed = SIZED_BY.get(pipeline.measure)
    for source, have in columns.items():
        if needed is not None and needed not in have:
            raise RecipeError(
                f"layout: mix counts {pipeline.measure}, and source '{source}' has no column '{needed}'."
                f"{_put(needed) or ' Say unit: tokens'}",
                pipeline.place("layout.mix.unit"),
            )


def _check_copies(pipeline: Pipeline, columns: Columns) -> None:
    if pipeline.layout.repeats and any(COPY in have for have in columns.values()):
        raise RecipeError(
            f"layout: documents are repeated, and their copies numbered in a column '{COPY}', which there is "
            "already; give that one another name",
            pipeline.place("layout"),
        )


def _check_upsampling(pipeline: Pipeline, columns: Columns) -> None:
    upsample = pipeline.layout.upsample
    if upsample is None:
        return
    kind = _somewhere(pipeline, columns, "layout.upsample.column", upsample.column)
    if not (pa.types.is_integer(kind) or pa.types.is_floating(kind)):
        said = f"layout: upsample: '{upsample.column}' is {kind}; copies are chosen by a number"
        raise RecipeError(said, pipeline.place("layout.upsample.column"))


def _check_validation(pipeline: Pipeline, columns: Columns) -> list[str]:
    validation = pipeline.layout.validation
    if validation is None:
        return []
    cluster, where = validation.cluster, pipeline.place("layout.validation")
    without = [source for source, have in columns.items() if cluster not in have]
    if len(without) == len(columns) and cluster != DEFAULT_CLUSTER:
        _somewhere(pipeline, columns, "layout.validation.cluster", cluster)
    if len(without) == len(columns):
        return [
            f"{where}: layout: validation: nothing makes '{cluster}', so near-duplicates may stand on both sides."
            f"{_put(cluster)}"
        ]
    warnings = [
        f"{where}: layout: validation: source '{source}' has no '{cluster}'; its documents are held out one by one"
        for source in without
    ]
    for step in pipeline.steps:
        if cluster == DEFAULT_CLUSTER and isinstance(step.stage, Minhash):
            bands, rows = step.stage.banding()
            missed = (1 - ALIKE**rows) ** bands
            if missed > MOST_MISSED:
                warnings.append(
                    f"{where}: layout: validation: {step.name} ({step.where}) misses {missed:.1%} of pairs that are "
                    f"{ALIKE} alike, which may then stand on both sides; say bands: 30, rows: 5 there"
                )
    return warnings


def _check_output(pipeline: Pipeline, columns: Columns) -> None:
    writer, pack = pipeline.writer, pipeline.layout.pack
    name = name_of(type(writer))
    for source, have in columns.items():
        needed = [("layout: pack", "layout.pack", column) for column in ("doc_id", "input_ids") if pack is not None]
        needed += [(name, name, column) for column in writer.columns_read()]
        for who, where, column in needed:
            if column not in have:
                raise RecipeError(
                    f"{who} needs the column '{column}', which nothing makes for source '{source}'."
                    f"{_put(column) or nearest(column, list(have))}",
                    pipeline.place(where),
                )
    if writer.partition_by is not None:
        kind = _somewhere(pipeline, columns, f"{name}.partition_by", writer.partition_by)
        if not any(known(kind) for known in PARTITION_TYPES):
            said = (
                f"{name}: partition_by: '{writer.partition_by}' is {kind}; folders are named by text or whole numbers"
            )
            raise RecipeError(said, pipeline.place(f"{name}.partition_by"))
    schema, where = _schema(pipeline, columns), "layout.pack"
    try:
        if pack is not None:
            schema = packed_schema(schema, pack)
        where = name
        writer.check_schema(schema)
    except RecipeError as error:
        said = error.message if error.message.startswith((name, "layout")) else f"{name}: {error.message}"
        raise RecipeError(said, pipeline.place(where)) from None


def _schema(pipeline: Pipeline, columns: Columns) -> pa.Schema:
    found = {name: kind for have in columns.values() for name, kind in have.items()}
    core = [name for name in CORE.names if name in found]
    fields = [pa.field(name, found[name]) for name in core + sorted(set(found) - set(core))]
    return pa.schema([*fields, pa.field(COPY, pa.uint32())] if pipeline.layout.repeats else fields)


def _put(column: str) -> str:
    return "" if column == "text" else maker(column)


def _somewhere(pipeline: Pipeline, columns: Columns, field: str, column: str) -> pa.DataType:
    """Return the type of a column that at least one source has."""
    for have in columns.values():
        if column in have:
            return have[column]
    parent, _, last = field.rpartition(".")
    said = f"{parent.replace('layout.', 'layout: ')}: {last}"
    every = list(dict.fromkeys(name for have in columns.values() for name in have))
    raise RecipeError(
        f"{said}: no source has a column '{column}'.{_put(column) or or_list(column, every, 'Columns')}",
        pipeline.place(field),
    )
