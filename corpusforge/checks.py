"""Hold a pipeline to what can be known before a run: columns, files, artifacts, names of sources, order of stages."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pyarrow as pa

from corpusforge import layout_checks
from corpusforge.errors import RecipeError
from corpusforge.mistakes import or_list
from corpusforge.pipeline import Pipeline, Source, Step
from corpusforge.registry import maker, nearest
from corpusforge.schema import CORE
from corpusforge.stage import CorpusStage

STORE = re.compile(r"(s3|gs|gcs|abfss?|hdfs)://")
JUDGES = ("quality.", "dedup.decontaminate")  # stages that reject documents on their own


def check(pipeline: Pipeline) -> list[str]:
    """Hold a pipeline to what can be known before a run, and return warnings.

    Columns every stage reads exist; one column has one type; files and models exist; a named artifact is made
    earlier. Raises RecipeError with the place of the stage at fault.
    """
    for step in _all_steps(pipeline):
        with _placed(step):  # packs, models and tokenizers are looked up here
            _check_local(step)
            step.stage.columns_read(), step.stage.columns_written(), step.stage.rejection_reasons()
    types: dict[str, tuple[pa.DataType, str]] = {}
    columns = {source.name: _check_columns(pipeline, source, types) for source in pipeline.sources}
    for step in _all_steps(pipeline):
        with _placed(step):
            for path in step.stage.files():
                if not Path(path).is_file():
                    raise RecipeError(f"there is no file '{path}'")
    _check_artifacts(pipeline)
    _check_priorities(pipeline)
    warnings = layout_checks.check(pipeline, columns)
    if problem := unmasked(pipeline):
        raise RecipeError(problem, pipeline.where)
    return warnings + _warnings(pipeline)


@contextmanager
def _placed(step: Step) -> Iterator[None]:
    """Give an error raised by a stage the stage's place in the recipe."""
    try:
        yield
    except RecipeError as error:
        raise error if error.where else RecipeError(f"{step.name}: {error.message}", step.where) from None


def _check_local(step: Step) -> None:
    for value in _strings(step.stage.model_dump(mode="json")):
        if STORE.match(value):
            raise RecipeError(
                f"'{value}' is in an object store; of a stage's files (models, lists, evaluation sets) every worker "
                "needs a copy on a disk: fetch it before the run. Sources, output and run.work may be in a store"
            )


def _strings(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict | list):
        for one in value.values() if isinstance(value, dict) else value:
            yield from _strings(one)


def _all_steps(pipeline: Pipeline) -> list[Step]:
    return [s for source in pipeline.sources for s in source.steps] + list(pipeline.steps)


def _check_columns(
    pipeline: Pipeline, source: Source, types: dict[str, tuple[pa.DataType, str]]
) -> dict[str, pa.DataType]:
    """Return the columns of a source's documents at the end of the recipe."""
    have: dict[str, pa.DataType] = {f.name: f.type for f in CORE}
    have.update(source.reader.columns_written())
    gone: dict[str, Step] = {}
    for step in pipeline.steps_of(source):
        for column in step.stage.columns_read():
            if column in gone:
                by = f"{gone[column].name} ({gone[column].where})"
                raise RecipeError(f"{step.name} reads the column '{column}', which {by} removes", step.where)
            if column not in have:
                raise RecipeError(
                    f"{step.name} reads the column '{column}', which nothing before it makes for source "
                    f"'{source.name}'.{maker(column) or nearest(column, list(have))}",
                    step.where,
                )
        have.update(step.stage.columns_written())
        for column in step.stage.columns_written():
            gone.pop(column, None)
        for column in step.stage.drops:
            have.pop(column, None)
            gone[column] = step
    for column, kind in have.items():
        known, other = types.setdefault(column, (kind, source.name))
        if known != kind:
            raise RecipeError(
                f"column '{column}' is {kind} in source '{source.name}' and {known} in '{other}'", source.where
            )
    return have


def _check_artifacts(pipeline: Pipeline) -> None:
    made: list[str] = []
    for step in _all_steps(pipeline):
        wanted = step.stage.artifact_name()
        if wanted is not None and wanted not in made:
            known = nearest(wanted, made) or " Put tokenize.train before it, or give the path of a file"
            raise RecipeError(
                f"{step.name}: '{wanted}' is neither a file nor the name of an earlier training stage.{known}",
                step.where,
            )
        if isinstance(step.stage, CorpusStage) and (name := getattr(step.stage, "name", None)):
            made.append(name)


def unmasked(pipeline: Pipeline) -> str:
    """Return what is wrong when rejected texts are to be kept masked and nothing masks them, else nothing."""
    if pipeline.options.keep_rejected != "text":
        return ""
    for source in pipeline.sources:
        if not any(step.name == "privacy.pii" for step in pipeline.steps_of(source)):
            return (
                "keep_rejected: text passes rejected texts through the recipe's privacy.pii, and there is none for "
                f"source '{source.name}'; add the stage, or write raw_text"
            )
    return ""


def _check_priorities(pipeline: Pipeline) -> None:
    sources = [source.name for source in pipeline.sources]
    for step in _all_steps(pipeline):
        for name in getattr(step.stage, "priority", ()):
            if name not in sources:
                known = or_list(str(name), sources, "Sources")
                raise RecipeError(f"{step.name}: priority: there is no source '{name}'.{known}", step.where)


def _warnings(pipeline: Pipeline) -> list[str]:
    warnings = []
    dedup: Step | None = None
    for step in pipeline.steps:
        if step.name == "dedup.minhash":
            dedup = step
        elif dedup is not None and step.name.startswith(JUDGES) and step.stage.rejection_reasons():
            warnings.append(
                f"{step.where}: {step.name} may reject a text that dedup.minhash ({dedup.where}) kept in place of "
                "its copies; put it before"
            )
    return warnings
