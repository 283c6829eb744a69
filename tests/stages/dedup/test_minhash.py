"""dedup.minhash gives the result of its rule, however the work is split."""

from collections.abc import Sequence
from typing import Any

import pyarrow as pa
import pytest
from datasketch import MinHash as Sketch
from hypothesis import example, given, settings
from hypothesis import strategies as st

from corpusforge.stages.dedup.decide import _Scratch
from corpusforge.stages.dedup.minhash import Minhash
from corpusforge.testing import check_corpus_stage, docs, judge, reasons, run_corpus_stage
from corpusforge.text.shingles import BASE
from corpusforge.text.words import hash_word

MASK = (1 << 64) - 1
Judged = dict[str, tuple[str | None, int, str | None, float | None, str | None]]


def mixed(value: int) -> int:
    value = (value ^ value >> 33) * 0xFF51AFD7ED558CCD & MASK
    value = (value ^ value >> 33) * 0xC4CEB9FE1A85EC53 & MASK
    return value ^ value >> 33


def shingle_hash(gram: tuple[str, ...], unit: str) -> int:
    state = 0
    for piece in gram:
        state = (state * BASE + (hash_word(piece) if unit == "words" else mixed(ord(piece) + 1))) & MASK
    return mixed(state)


def brute_force(
    stage: Minhash, texts: Sequence[str], ids: Sequence[str], sources: Sequence[str] | None = None
) -> Judged:
    """The rule, document by document, over all documents: doc_id -> cluster, size, reason, similarity, keeper."""
    grams, bands = [], []
    for text in texts:
        words = text.split() if stage.unit == "words" else text
        n = stage.ngram
        count, rows = stage.banding()
        grams.append({tuple(words[i : i + n]) for i in range(max(1, len(words) - n + 1))} if words else set())
        sketch = Sketch(count * rows, stage.seed, scheme="affine32", hashfunc=lambda h: h & 0xFFFFFFFF)
        sketch.update_batch([shingle_hash(g, stage.unit) for g in sorted(grams[-1])])
        values = [int(v) for v in sketch.hashvalues]
        among = sources[len(bands)] if sources and stage.within == "source" else ""
        keys = [(among, b, *values[b * rows : (b + 1) * rows]) for b in range(count)]
        bands.append(keys if words else [])
    best_first = sorted(range(len(texts)), key=lambda i: (-len(texts[i]), ids[i]))
    place = {i: at for at, i in enumerate(best_first)}
    listed: dict[Any, list[int]] = {}
    gone: dict[int, tuple[float, str]] = {}
    for i in best_first:
        for other in sorted({k for key in bands[i] for k in listed.get(key, [])}, key=place.__getitem__):
            both = len(grams[i] & grams[other])
            whole = len(grams[i]) if stage.similarity == "containment" else len(grams[i] | grams[other])
            if both / whole >= stage.verify:
                gone[i] = both / whole, ids[other]
                break
        else:
            for key in bands[i]:
                if len(listed.setdefault(key, [])) < stage.max_keepers:
                    listed[key].append(i)
    clusters = components(bands)
    judged: Judged = {}
    for i, doc_id in enumerate(ids):
        members = clusters[i]
        cluster = min(ids[k] for k in members) if len(members) > 1 else None
        similarity, keeper = gone.get(i, (None, None))
        judged[doc_id] = (cluster, len(members), "near_duplicate" if keeper else None, similarity, keeper)
    return judged


def components(bands: Sequence[Sequence[Any]]) -> list[set[int]]:
    members = [{i} for i in range(len(bands))]
    for i, mine in enumerate(bands):
        for k in range(i):
            if members[i] is not members[k] and set(mine) & set(bands[k]):
                members[i] |= members[k]
                for other in members[k]:
                    members[other] = members[i]
    return members


def run(
    stage: Minhash, batch: pa.RecordBatch, partitions: int = 1, split_rows: int = 99, batch_rows: int = 99
) -> Judged:
    splits = [batch.slice(i, split_rows) for i in range(0, batch.num_rows, split_rows)]
    judged: Judged = {}
    for part in run_corpus_stage(stage, splits, partitions, batch_rows):
        found = reasons(part)
        for i, row in enumerate(part.to_pylist()):
            value, detail = row.get("rejected_value"), row.get("rejected_detail")
            judged[row["doc_id"]] = (row["cluster_id"], row["cluster_size"], found[i], value, detail)
    return judged


# Few words and short texts: many share a band key, many are of one length, and chains A~B~C are common.
TEXTS = st.lists(st.lists(st.sampled_from("abcdef"), max_size=7).map(" ".join), min_size=1, max_size=14)
STAGES = st.builds(
    Minhash,
    ngram=st.sampled_from([1, 2, 3]),
    unit=st.sampled_from(["words", "characters"]),
    within=st.sampled_from(["corpus", "source"]),
    bands=st.sampled_from([1, 3, 6]),
    rows=st.sampled_from([1, 2]),
    verify=st.sampled_from([0.0, 0.3, 0.5, 0.8, 1.0]),
    similarity=st.sampled_from(["jaccard", "containment"]),
    max_keepers=st.sampled_from([1, 2, 16]),
    keeper_bytes=st.sampled_from([0, 900, 512_000_000]),
)


@settings(max_examples=80, deadline=None)
@example(
    Minhash(ngram=1, bands=1, rows=1, verify=0.5), ["a b c d", "b c d e", "c d e f", "d e f a", "e f a b"], 3, 2, 1
)
@given(STAGES, TEXTS, st.sampled_from([1, 3, 7]), st.integers(1, 5), st.sampled_from([1, 3, 1000]))
def test_the_result_is_that_of_the_rule(
    stage: Minhash, texts: list[str], partitions: int, split_rows: int, batch_rows: int
) -> None:
    sources = ["web" if i % 3 else "books" for i in range(len(texts))]
    batch = docs(*texts, source=sources)
    # docs() has one source order for all: rank is by length and doc_id, as in brute_force
    expected = brute_force(stage, texts, batch["doc_id"].to_pylist(), sources)
    assert run(stage, batch, partitions, split_rows, batch_rows) == expected


def story(first: int, last: int) -> str:
    return " ".join(f"word{i}" for i in range(first, last))


def test_a_chain_loses_only_what_is_like_a_text_that_stays() -> None:
    # A~B and B~C, but A and C share too little: B goes for A, and C stays
    chain = [story(0, 100), story(8, 107), story(16, 114)]
    stage = Minhash(bands=60, rows=2, verify=0.8)
    assert judge(stage, *chain) == [None, "near_duplicate", None]
    long_chain = [story(8 * i, 8 * i + 100 - i // 4) for i in range(40)]
    batch = docs(*long_chain)
    judged = run(stage, batch, 3, 7, 5)
    assert {size for _, size, *_ in judged.values()} == {40}
    assert judged == brute_force(stage, long_chain, batch["doc_id"].to_pylist())
    assert 0 < sum(row[2] is not None for row in judged.values()) < 30


@pytest.mark.parametrize("max_keepers", [3, 200])
@pytest.mark.parametrize("keeper_bytes", [0, 4_000, 512_000_000])
def test_a_template_with_one_key_for_all_is_decided_in_any_memory(
    keeper_bytes: int, max_keepers: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    # 40 pages of one template, 0.83 alike, and a near-copy of each, nearly all with the same keys
    pages = [f"{story(0, 99)} {story(100 * page, 100 * page + 9)}" for page in range(1, 41)]
    texts = [page + end for page in pages for end in ("", " end")]
    batch = docs(*texts)
    blocks = []
    monkeypatch.setattr(_Scratch, "read", lambda self, read=_Scratch.read: blocks.append(1) or read(self))
    stage = Minhash(ngram=1, bands=2, rows=1, verify=0.98, max_keepers=max_keepers, keeper_bytes=keeper_bytes)
    judged = run(stage, batch, 3, 50, 16)
    assert judged == brute_force(stage, texts, batch["doc_id"].to_pylist())
    gone = sum(row[2] is not None for row in judged.values())
    assert gone == 40 if max_keepers == 200 else 3 <= gone < 20
    assert len(blocks) > 2 if keeper_bytes == 0 else bool(blocks) == (keeper_bytes == 4_000)


def test_nearly_all_pairs_just_above_the_bound_are_found_and_none_below() -> None:
    # pairs that share a beginning: 100 words of which 90 or 88 make a similarity of 0.81 or 0.78
    pairs = {shared: [] for shared in (90, 88)}
    for shared, texts in pairs.items():
        for pair in range(200):
            first = 1000 * pair
            texts += [
                story(first, first + 100),
                f"{story(first, first + shared)} {story(first + 500, first + 600 - shared)}",
            ]
    assert 198 <= sum(reason is not None for reason in judge(Minhash(), *pairs[90])) <= 200
    assert not any(judge(Minhash(), *pairs[88]))


def test_of_equal_texts_the_smallest_doc_id_stays() -> None:
    batch = docs(*["one text that is there five times"] * 5)
    judged = run(Minhash(), batch)
    assert [d for d, row in judged.items() if row[2] is None] == [min(batch["doc_id"].to_pylist())]
    assert {row[3] for row in judged.values()} == {None, 1.0}


def test_priority_and_keep_choose_the_text_that_stays() -> None:
    text = story(0, 60)
    batch = docs(text, text + " longer", text, source=["web", "web", "books"], date=["2024", "2020", "2021"])

    def stays(**fields: Any) -> list[int]:
        judged = run_corpus_stage(Minhash(**fields), [batch])[0]
        return [i for i, reason in enumerate(reasons(judged)) if reason is None]

    assert stays() == [1]
    assert stays(keep="newest") == [0]
    assert stays(keep="newest", priority=("books",)) == [2]


def test_within_a_source_copies_in_another_source_do_not_count() -> None:
    text = story(0, 60)
    batch = docs(text, text + " longer", text, source=["web", "books", "web"])
    web = run_corpus_stage(Minhash(within="source"), [batch])[0]
    assert sorted(map(str, reasons(web))) == ["None", "None", "near_duplicate"]
    assert web["cluster_size"].to_pylist() == [2, 1, 2]


def test_threshold_and_permutations_give_bands_and_rows() -> None:
    assert Minhash().banding() == (24, 7)
    assert Minhash(bands=14, rows=8).banding() == (14, 8)
    assert Minhash(threshold=0.8).banding() == (9, 13)
    assert Minhash(threshold=0.72, permutations=112).banding() == (12, 9)
    with pytest.raises(ValueError, match="give either it or them"):
        Minhash(threshold=0.8, rows=8)
    with pytest.raises(ValueError, match="give threshold too"):
        Minhash(permutations=64)


@pytest.mark.parametrize("text", ["这是一个关于猫和狗的故事。", "แมวกินปลาและสุนัขกินเนื้อ"])
def test_scripts_without_spaces_have_ngrams_of_letters(text: str) -> None:
    pages = [text * 3 + "".join(chr(0x4E00 + 97 * i * page % 5000) for i in range(60)) for page in (1, 2)]
    changed = pages[0][:-4]
    for unit in ("words", "characters"):
        assert judge(Minhash(unit=unit), pages[0], pages[1], changed) == [None, None, "near_duplicate"]


def test_a_rejected_document_displaces_nothing() -> None:
    text = story(0, 60)
    batch = docs(text + " longer", text, rejected=pa.array(["earlier", None], pa.string()))
    batch = batch.append_column("rejected_value", pa.nulls(2, pa.float64()))
    batch = batch.append_column("rejected_detail", pa.nulls(2, pa.string()))
    assert reasons(run_corpus_stage(Minhash(), [batch])[0]) == ["earlier", None]


def test_a_text_without_words_takes_no_part() -> None:
    texts = ("", "", None, None, "...", "...", "!", "a b", "A, b?")
    assert judge(Minhash(), *texts) == [None] * 7 + ["near_duplicate", None]


def test_containment_asks_how_much_of_the_removed_text_is_there() -> None:
    part, whole = story(0, 40), story(0, 80)
    assert judge(Minhash(bands=40, rows=1), whole, part) == [None, None]
    assert judge(Minhash(bands=40, rows=1, similarity="containment"), whole, part) == [None, "near_duplicate"]


def test_minhash_keeps_the_promises_of_a_corpus_stage() -> None:
    check_corpus_stage(Minhash)
