"""What a recipe means, once it is right; mistakes are in tests/cli/test_bad_recipes.py."""

from collections.abc import Callable, Sequence
from pathlib import Path

import pyarrow as pa
import pytest

from corpusforge import layout_checks
from corpusforge.checks import check
from corpusforge.errors import RecipeError
from corpusforge.pipeline import Pipeline
from corpusforge.recipe import load, with_runtime_env
from corpusforge.schema import CORE
from corpusforge.stages.quality.language import Language
from corpusforge.stages.quality.rules import Rules
from corpusforge.stages.read.jsonl import Jsonl
from corpusforge.stages.read.warc import Warc

RECIPE = """\
corpusforge: 1
vars: {folder: dumps, output: out, score: 0.5}
sources:
  pages:
    read.warc: {paths: "${folder}/*.warc.gz"}
    stages:
      - extract.html
  posts:
    read.jsonl: {paths: "@${folder}/list", text: body, url: meta.url}
stages:
  - normalize.unicode
  - quality.language: {keep: no, min_score: "${score}", only: pages}
  - quality.rules: {pack: gopher_quality, set: {word_count.min: 20}, except: [pages]}
  - dedup.minhash
write.parquet: {path: "${output}/data", shard_bytes: 10MB}
layout: {order: shuffled, seed: 7}
run: {workers: 2}
"""

Load = Callable[..., Pipeline]


@pytest.fixture
def loaded(tmp_path: Path) -> Load:
    def make(*changes: tuple[str, str], set_: Sequence[str] = (), **options: float) -> Pipeline:
        recipe = RECIPE
        for old, new in changes:
            assert old in recipe
            recipe = recipe.replace(old, new)
        (tmp_path / "recipe.yaml").write_text(recipe)
        return load(tmp_path / "recipe.yaml", set_, **options)  # type: ignore[arg-type]

    return make


def test_variables_fill_text_and_keep_the_type_of_a_whole_value(loaded: Load) -> None:
    pipeline = loaded()
    pages, posts = (source.reader for source in pipeline.sources)
    assert isinstance(pages, Warc) and pages.paths == ("dumps/*.warc.gz",)
    assert isinstance(posts, Jsonl) and posts.paths == ("@dumps/list",)
    assert (posts.text, posts.url) == ("body", "meta.url")
    language = pipeline.steps[1].stage
    assert isinstance(language, Language)
    assert language.min_score == 0.5


def test_no_is_a_language(loaded: Load) -> None:
    language = loaded().steps[1].stage
    assert isinstance(language, Language)
    assert language.keep == ("no",)


def test_only_and_except_say_which_sources_pass_a_stage(loaded: Load) -> None:
    pipeline = loaded()
    pages, posts = ([step.name for step in pipeline.steps_of(source)] for source in pipeline.sources)
    assert pages == ["extract.html", "normalize.unicode", "quality.language", "dedup.minhash"]
    assert posts == ["normalize.unicode", "quality.rules", "dedup.minhash"]


def test_every_step_knows_its_place(loaded: Load) -> None:
    pipeline = loaded()
    assert [step.where.rsplit("/", 1)[1] for step in pipeline.steps] == [f"recipe.yaml:{n}:5" for n in range(11, 15)]
    assert pipeline.sources[1].where.endswith("recipe.yaml:8:3")


def test_set_changes_variables_options_and_dotted_keys(loaded: Load) -> None:
    pipeline = loaded(set_=["vars.folder=crawl", "run.workers=1", "write.parquet.path=elsewhere", "vars.score=0.25"])
    reader = pipeline.sources[0].reader
    assert isinstance(reader, Warc) and reader.paths == ("crawl/*.warc.gz",)
    assert pipeline.options.workers == 1
    assert pipeline.writer.path == "elsewhere"
    language = pipeline.steps[1].stage
    assert isinstance(language, Language) and language.min_score == 0.25


def test_set_makes_a_part_that_the_recipe_leaves_out(loaded: Load) -> None:
    assert loaded(("run: {workers: 2}\n", ""), set_=["run.workers=1"]).options.workers == 1


def test_a_trial_has_an_output_of_its_own(loaded: Load) -> None:
    assert loaded(limit=10).writer.path == "out/data-limit-10"
    assert loaded(sample=0.01).writer.path == "out/data-sample-0.01"
    assert loaded(limit=10).options.limit == 10


def test_sizes_are_bytes(loaded: Load) -> None:
    assert int(loaded().writer.shard_bytes) == 10_000_000


def test_comments_order_of_keys_and_spelling_of_defaults_resolve_to_the_same(loaded: Load) -> None:
    other = loaded(
        ("layout: {order: shuffled, seed: 7}\n", ""),
        ("vars:", "layout: {seed: 7, order: shuffled}  # apart\nvars:"),
        ("dedup.minhash", "dedup.minhash: {bands: 24}"),
    )
    assert other.resolved == loaded().resolved


def test_the_resolved_recipe_holds_every_default_and_no_variable(loaded: Load, tmp_path: Path) -> None:
    resolved = loaded().resolved
    assert "$" not in resolved and "vars" not in resolved
    assert "bands: 24" in resolved
    (tmp_path / "again.yaml").write_text(resolved)
    assert load(tmp_path / "again.yaml").resolved == resolved


def test_what_a_cluster_is_told_stands_under_run_and_its_environment_leaves_with_it(
    loaded: Load, tmp_path: Path
) -> None:
    ray = "run: {ray: {needs: {dedup.minhash: {memory: 2GiB}}, runtime_env: {env_vars: {SECRET: s3cr3t}}}}"
    pipeline = loaded(("run: {workers: 2}", ray), limit=5)
    assert pipeline.options.ray.needs == {"dedup.minhash": {"memory": 2 << 30}}
    assert pipeline.options.ray.runtime_env == {"env_vars": {"SECRET": "s3cr3t"}}
    assert loaded(set_=["run.ray.needs={dedup.minhash: {GPU: 1}}"]).options.ray.needs == {"dedup.minhash": {"GPU": 1}}
    assert "s3cr3t" not in pipeline.resolved + repr(pipeline.options)
    (tmp_path / "env.yaml").write_text("pip: [extra]\nenv_vars: {N: '1'}\n")
    other = with_runtime_env(pipeline, str(tmp_path / "env.yaml"))
    assert other.options.ray.runtime_env == {"pip": ["extra"], "env_vars": {"N": "1"}}
    (tmp_path / "env.yaml").write_text("- pip\n")
    with pytest.raises(RecipeError, match=r"env.yaml:1:1: a runtime environment is a map"):
        with_runtime_env(pipeline, str(tmp_path / "env.yaml"))


def test_bounds_of_a_pack_can_be_changed_in_place(loaded: Load) -> None:
    rules = loaded().steps[2].stage
    assert isinstance(rules, Rules)
    assert dict(rules.set) == {"word_count.min": 20}


def test_a_filter_after_near_duplicates_is_warned_of_with_both_lines(loaded: Load) -> None:
    pipeline = loaded(("  - dedup.minhash\n", "  - dedup.minhash\n  - quality.language: {keep: en}\n"))
    (warning,) = check(pipeline)
    assert "recipe.yaml:15:5: quality.language may reject" in warning
    assert "recipe.yaml:14:5" in warning


def test_a_filter_that_cannot_reject_is_not_warned_of(loaded: Load) -> None:
    assert check(loaded(("  - dedup.minhash\n", "  - dedup.minhash\n  - normalize.unicode\n"))) == []


def test_a_column_has_one_type_in_all_sources(loaded: Load) -> None:
    parquet = 'read.parquet: {paths: "x.parquet", keep: {language_score: int64}}'
    pipeline = loaded(('read.jsonl: {paths: "@${folder}/list", text: body, url: meta.url}', parquet))
    with pytest.raises(RecipeError, match=r"column 'language_score' is int64 in source 'posts' and float in 'pages'"):
        check(pipeline)


EXAMPLE = Path(__file__).parents[1] / "examples" / "mixture.yaml"


def test_a_resolved_mixture_says_every_share_and_is_the_same_layout(tmp_path: Path) -> None:
    pipeline = load(EXAMPLE, ["layout.upsample.copies={2: 2, 10.5: 3}", "write.memmap.partition_by=source"])
    assert pipeline.layout.upsample is not None and pipeline.layout.upsample.copies == {2: 2, 10.5: 3}
    assert "fraction: 0.8586387434554974" in pipeline.resolved, "0.82 of 0.955"
    (tmp_path / "resolved.yaml").write_text(pipeline.resolved)
    again = load(tmp_path / "resolved.yaml")
    assert (again.layout, again.writer, again.resolved) == (pipeline.layout, pipeline.writer, pipeline.resolved)


def test_a_validation_split_that_near_duplicates_can_leak_through_is_warned_of(loaded: Load) -> None:
    split = ("seed: 7}", "seed: 7, validation: {fraction: 0.01}}")
    safe = ("- dedup.minhash\n", "- dedup.minhash: {bands: 30, rows: 5}\n")
    only = ("- dedup.minhash\n", "- dedup.minhash: {bands: 30, rows: 5, only: pages}\n")
    without = ("  - dedup.minhash\n", "")
    coarse = ("- dedup.minhash\n", "- dedup.minhash: {bands: 14, rows: 8}\n")
    pipelines = [loaded(split, change) for change in (safe, coarse, only, without)]
    said = [layout_checks.check(pipeline, _columns(pipeline)) for pipeline in pipelines]
    assert said[0] == []
    assert "misses 7.6% of pairs" in said[1][0] and "recipe.yaml:16:" in said[1][0]
    assert len(said[2]) == 1 and "source 'posts' has no 'cluster_id'" in said[2][0]
    assert len(said[3]) == 1 and "nothing makes 'cluster_id'" in said[3][0]


def _columns(pipeline: Pipeline) -> dict[str, dict[str, pa.DataType]]:
    made = {}
    for source in pipeline.sources:
        made[source.name] = {field.name: field.type for field in CORE}
        for step in pipeline.steps_of(source):
            made[source.name] |= step.stage.columns_written()
    return made
