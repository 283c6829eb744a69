"""Mixing: budgets met within one document, epochs, order, copies, and the same bytes however the work is cut."""

from collections import Counter
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.compute as pc
import pytest
import xxhash
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from corpusforge.engine import keys
from corpusforge.engine.draws import Cut
from corpusforge.engine.mixing import BINS
from corpusforge.engine.mixture import Mix, budgets, preset_shares
from corpusforge.engine.verify import verify
from corpusforge.errors import RunError
from corpusforge.registry import shipped
from tests.engine.mixed import SOURCES, mixed, tokens_of, write_corpus, written

PRESETS = sorted(path.stem for path in (shipped("pipelines") / "mixtures").glob("*.yaml"))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_corpus(tmp_path_factory.mktemp("mixed"), {"web": 300, "books": 90, "code": 60})


# ---- keys


@given(st.integers(0, 2**64 - 1), st.binary(min_size=16, max_size=16), st.integers(0, 5))
def test_compiled_keys_are_those_of_the_library(seed: int, name: bytes, copy: int) -> None:
    ids = np.frombuffer(name, np.uint8).reshape(1, 16)
    message = seed.to_bytes(8, "big") + name.hex().encode() + (copy.to_bytes(8, "big") if copy else b"")
    _, copies, found = keys.drawn(ids, np.array([1]), seed, copy + 1, -1)
    assert copies[copy] == copy
    assert int(found[copy]) == xxhash.xxh3_64_intdigest(message)


@given(st.lists(st.integers(0, 500), min_size=1, max_size=60), st.floats(0, 1), st.integers(0, 3), st.integers(1, 3))
def test_the_cut_is_the_first_key_at_which_the_budget_is_reached(
    sizes: list[int], share: float, epoch: int, times: int
) -> None:
    ids = np.frombuffer(b"".join(xxhash.xxh3_128_digest(bytes([i])) for i in range(len(sizes))), np.uint8)
    ids = ids.reshape(-1, 16)
    copies = np.full(len(sizes), times)
    wanted = int(share * sum(sizes) * times)
    if not wanted:
        return
    cut = Cut(wanted)
    while cut.last_key < 0:
        cut.narrow(keys.histogram(ids, np.array(sizes), copies, 5, epoch, cut.level, cut.prefix))
    order = sorted(
        (keys.draw_key(5, ids[i].tobytes().hex(), copy), sizes[i])
        for i in range(len(sizes))
        for copy in range(epoch * times, (epoch + 1) * times)
    )
    total, due = 0, set()
    for key, size in order:
        if total >= wanted:
            break
        total += size
        due.add(key)
    assert {key for key, _ in order if key <= cut.last_key} == due


def test_keys_that_share_their_first_bits_are_told_apart() -> None:
    cut = Cut(3)
    for level in range(5):  # two documents in one bin to the last 16 bits of their keys
        sizes = np.zeros((2, BINS), np.int64)
        sizes[:, 7] = 2, 4
        cut.narrow(sizes)
        assert cut.last_key == -1, level
    last = np.zeros((2, BINS), np.int64)
    last[:, [2, 9]] = [[1, 1], [2, 2]]
    cut.narrow(last)
    assert cut.last_key & 15 == 9


# ---- budgets


@given(
    st.lists(st.integers(1, 20), min_size=2, max_size=4),
    st.lists(st.integers(0, 10**6), min_size=4, max_size=4),
    st.integers(1, 10**6),
)
def test_fractions_divide_the_total_to_the_last_unit(parts: list[int], sizes: list[int], total: int) -> None:
    sources = {f"s{i}": part / sum(parts) for i, part in enumerate(parts)}
    mix = Mix.model_validate({"sources": sources, "total": total, "max_epochs": 10**9, "shortfall": "allow"})
    found = budgets(mix, {name: sizes[i] for i, name in enumerate(sources)}, "tokens")
    whole = sum(Fraction(str(share)) for share in sources.values())
    for name, share in sources.items():
        assert found[name].asked == int(total * Fraction(str(share)) / whole)
        assert found[name].whole * found[name].size + found[name].rest == found[name].given


def test_without_a_total_the_scarcest_source_decides() -> None:
    mix = Mix.model_validate({"sources": {"web": 0.5, "books": {"fraction": 0.5, "max_epochs": 2}}})
    found = budgets(mix, {"web": 1000, "books": 100}, "tokens")
    assert (found["web"].asked, found["books"].asked, found["books"].whole) == (200, 200, 2)


def test_a_source_that_was_emptied_does_not_empty_the_mix_unsaid() -> None:
    mix = {"sources": {"web": 0.75, "books": 0.25}}
    with pytest.raises(RunError, match="no tokens are left of source 'books'"):
        budgets(Mix.model_validate(mix), {"web": 900, "books": 0}, "tokens")
    found = budgets(Mix.model_validate({**mix, "shortfall": "allow"}), {"web": 900, "books": 0}, "tokens")
    assert (found["web"].given, found["books"].asked, found["books"].given) == (900, 300, 0)


def test_a_mix_that_cannot_be_met_says_what_would_be_right() -> None:
    mix = Mix.model_validate({"sources": {"web": 0.5, "books": 0.5}, "total": 1000})
    with pytest.raises(RunError, match=r"books has 100 tokens, 500 are asked.*lower the total to 200"):
        budgets(mix, {"web": 1000, "books": 100}, "tokens")
    allowed = Mix.model_validate({**mix.model_dump(), "shortfall": "allow"})
    assert budgets(allowed, {"web": 1000, "books": 100}, "tokens")["books"].given == 100


@pytest.mark.parametrize(
    ("mix", "said"),
    [
        ({"sources": {"web": 0.5, "books": 0.4}}, "fractions sum to 0.9, not 1"),
        ({"sources": {"web": {"fraction": 0.5, "budget": 5}}}, "exactly one of fraction, budget and epochs"),
        ({"sources": {"web": {"epochs": 2}}, "total": 5}, "no source has a fraction"),
        ({"preset": "llama", "map": {"arxvi": "web"}}, "Did you mean 'arxiv'"),
        ({"preset": "palm", "map": {"books": "b"}}, "also has conversations, web_pages"),
    ],
)
def test_a_mix_that_makes_no_sense_is_refused(mix: dict[str, Any], said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        Mix.model_validate(mix)


@pytest.mark.parametrize("name", PRESETS)
def test_a_published_mixture_is_used_by_name(name: str) -> None:
    from ruamel.yaml import YAML

    entries = YAML(typ="safe").load((shipped("pipelines") / "mixtures" / f"{name}.yaml").read_text())["sources"]
    assert 0.98 < sum(entry["fraction"] for entry in entries.values()) < 1.02, "as printed in the paper"
    shares = preset_shares(name, {entry: entry for entry in entries}, None)
    assert Mix.model_validate({"preset": name, "map": {e: e for e in entries}}).sources.keys() == entries.keys()
    assert sum(share["fraction"] for share in shares.values()) == pytest.approx(1)
    first, *others = entries
    merged = preset_shares(name, {first: None, **dict.fromkeys(others, "rest")}, None)
    assert merged["rest"]["fraction"] == 1


def test_all_five_mixtures_of_the_survey_are_there() -> None:
    assert PRESETS == ["chinchilla", "gopher", "gpt3", "llama", "palm"]


# ---- runs

SHARES = {"web": 0.5, "books": 0.3, "code": {"fraction": 0.2, "max_epochs": 4}}
MIX: dict[str, Any] = {"mix": {"sources": SHARES, "total": 30_000, "max_epochs": 2}}


def test_each_source_gets_its_budget_within_one_document(folder: Path, tmp_path: Path) -> None:
    outcome = mixed(folder, tmp_path / "out", MIX).run()
    assert verify(outcome.path) == []
    table, sources = written(outcome.path), outcome.manifest["written"]["sources"]
    largest = pc.max(table["token_count"]).as_py()
    for source, asked in (("web", 15_000), ("books", 9_000), ("code", 6_000)):
        obtained = tokens_of(table, source)
        assert sources[source]["asked"] == asked
        assert sources[source]["obtained"] == obtained
        assert asked <= obtained < asked + largest
    written_ = outcome.manifest["written"]
    assert table.num_rows == written_["copies"]
    assert len(set(table["doc_id"].to_pylist())) == written_["documents"]
    assert written_["documents"] + written_["left_out"] == outcome.manifest["documents"]["kept"]


def test_a_trial_is_not_stopped_by_budgets_that_are_meant_for_the_whole(folder: Path, tmp_path: Path) -> None:
    layout = {**MIX, "validation": {"documents": 100}}
    with pytest.raises(RunError, match="cannot be met"):
        mixed(folder, tmp_path / "whole", {"mix": {**MIX["mix"], "total": 300_000}}).run()
    outcome = mixed(folder, tmp_path / "out", layout, limit=10).run()
    assert verify(outcome.path) == []
    written_ = outcome.manifest["written"]
    assert written_["validation"]["documents"] >= 15
    assert 0 < written_["sources"]["web"]["obtained"] < written_["sources"]["web"]["asked"]


def test_an_epoch_is_every_document_once_before_any_is_repeated(folder: Path, tmp_path: Path) -> None:
    sources = {"web": {"epochs": 1}, "books": {"epochs": 2.5}, "code": {"budget": 0}}
    outcome = mixed(folder, tmp_path / "out", {"mix": {"sources": sources}}).run()
    table = written(outcome.path)
    times = {
        source: Counter(table.filter(pc.equal(table["source"], source))["doc_id"].to_pylist()) for source in SOURCES
    }
    assert set(times["web"].values()) == {1} and len(times["web"]) == 300
    assert set(times["books"].values()) == {2, 3} and len(times["books"]) == 90
    assert not times["code"]
    seen = set(zip(table["doc_id"].to_pylist(), table["copy"].to_pylist(), strict=True))
    assert len(seen) == table.num_rows
    assert {copy for _, copy in seen} == {0, 1, 2}


def test_a_document_is_repeated_by_the_size_of_its_cluster(folder: Path, tmp_path: Path) -> None:
    outcome = mixed(folder, tmp_path / "out", {"upsample": {"copies": {3: 4}}}).run()
    table = written(outcome.path)
    for size, times in ((1, 1), (3, 4)):
        chosen = table.filter(pc.equal(table["cluster_size"], size))
        assert set(Counter(chosen["doc_id"].to_pylist()).values()) == {times}
    assert outcome.manifest["written"]["documents"] == 450


LAYOUTS: dict[str, dict[str, Any]] = {
    "shuffled": {"order": "shuffled", "seed": 4},
    "mix": {**MIX, "validation": {"fraction": 0.1}, "upsample": {"copies": {3: 2}}},
    "held out": {"validation": {"documents": 40}},
    "packed": {**MIX, "pack": {"length_tokens": 64, "method": "best_fit"}, "validation": {"documents": 20}},
    "sequences": {**MIX, "pack": {"length_tokens": 64, "shuffle": True}},
    "folders": {"validation": {"fraction": 0.2}},
    "shuffled folders": {"order": "shuffled", "pack": {"length_tokens": 64, "shuffle": True}},
}


@pytest.mark.usefixtures("ray_session")
@pytest.mark.parametrize("name", LAYOUTS)
def test_one_and_two_workers_and_any_batches_give_the_same_bytes(folder: Path, tmp_path: Path, name: str) -> None:
    from corpusforge.stages.write.parquet import Parquet

    sums, by = set(), "language" if "folders" in name else None
    for workers, batch in ((1, "4MB"), (1, "500B"), (2, "4MB")):
        output = tmp_path / f"{workers}-{batch}"
        writer = Parquet(path=str(output), shard_bytes=60_000, row_group_bytes=20_000, partition_by=by)
        outcome = mixed(folder, output, LAYOUTS[name], writer, workers=workers, batch_bytes=batch).run()
        assert verify(output) == []
        assert outcome.manifest["run"]["workers"] == workers
        sums.add(outcome.manifest["content_checksum"])
    assert len(sums) == 1


def test_shuffled_sequences_are_those_of_the_parts_in_another_order(folder: Path, tmp_path: Path) -> None:
    outcomes = {
        shuffle: mixed(
            folder, tmp_path / str(shuffle), {**MIX, "pack": {"length_tokens": 32, "shuffle": shuffle}}
        ).run()
        for shuffle in (False, True)
    }
    plain, shuffled = (written(outcomes[shuffle].path).to_pylist() for shuffle in (False, True))
    assert plain != shuffled
    assert sorted(map(repr, plain)) == sorted(map(repr, shuffled))
    assert len(outcomes[True].manifest["shards"]) > 2
    counted = [outcomes[shuffle].manifest["written"] for shuffle in (False, True)]
    # Documents without a token are in no sequence; parts of shuffled sequences cannot count them.
    empty = counted[1].pop("documents_in_no_sequence")
    assert counted[0] == counted[1]
    begun = sum(part["documents"] for part in outcomes[True].manifest["shards"])
    assert begun + empty == counted[0]["copies"] and empty > 0

    def beside(rows: list[dict[str, Any]]) -> float:
        pairs = [(a["doc_ids"][-1], b["doc_ids"][0]) for a, b in pairwise(rows)]
        return sum(a == b for a, b in pairs) / len(pairs)

    assert beside(plain) > 0.8, "documents are longer than sequences"
    assert beside(shuffled) < 0.05


def test_another_seed_draws_and_orders_otherwise(folder: Path, tmp_path: Path) -> None:
    tables = [written(mixed(folder, tmp_path / str(s), {**MIX, "seed": s}).run().path) for s in (0, 1)]
    first, second = ([*zip(t["doc_id"].to_pylist(), t["copy"].to_pylist(), strict=True)] for t in tables)
    assert sorted(first) != sorted(second)


def test_what_is_drawn_in_part_stands_everywhere(folder: Path, tmp_path: Path) -> None:
    mix = {"sources": {"web": {"epochs": 0.5}, "books": {"epochs": 1}, "code": {"epochs": 1}}}
    table = written(mixed(folder, tmp_path / "out", {"mix": mix}).run().path)
    places = np.flatnonzero(pc.equal(table["source"], "web").to_numpy(zero_copy_only=False)) / table.num_rows
    assert 0.4 < places.mean() < 0.6
    assert np.histogram(places, 4, (0, 1))[0].min() > len(places) / 8


def test_neighbours_in_a_shuffled_corpus_say_nothing_of_each_other(folder: Path, tmp_path: Path) -> None:
    table = written(mixed(folder, tmp_path / "out", {"order": "shuffled"}).run().path)
    web = pc.equal(table["source"], "web").to_numpy(zero_copy_only=False).astype(float)
    web -= web.mean()
    for lag in (1, 2, 3):
        assert abs(np.dot(web[lag:], web[:-lag]) / np.dot(web, web)) < 4 / np.sqrt(len(web))
