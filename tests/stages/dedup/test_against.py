"""What an earlier corpus has, against the definition by brute force."""

from pathlib import Path
from typing import Any

import numpy as np
import orjson
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from corpusforge.cli import main
from corpusforge.errors import OutputError
from corpusforge.stages.dedup import corpus_index
from corpusforge.stages.dedup.against import Against
from corpusforge.stages.dedup.corpus_index import Banding, add, read_index
from corpusforge.stages.dedup.signature import band_keys, permutations, signatures
from corpusforge.testing import docs, run_stage
from corpusforge.text import segment
from corpusforge.text.shingles import shingles_of

LOOSE = Banding(ngram=1, bands=6, rows=2)
TEXTS = st.lists(st.lists(st.sampled_from("abcdefgh"), max_size=8).map(" ".join), max_size=8)


def grams(text: str) -> frozenset[str]:
    return frozenset(text.split())


def keys(texts: list[str], banding: Banding) -> np.ndarray[Any, Any]:
    found = shingles_of(segment(texts), banding.ngram, banding.unit)
    return band_keys(
        signatures(found, *permutations(banding.bands * banding.rows, banding.seed)), banding.bands, banding.rows
    )


def definition(
    corpora: list[list[tuple[str, str]]], texts: list[str], verify: float, max_keepers: int
) -> list[str | None]:
    ranked = [d for corpus in corpora for d in sorted(corpus, key=lambda d: (-len(d[1]), d[0])) if grams(d[1])]
    listed = keys([text for _, text in ranked], LOOSE)
    expected: list[str | None] = []
    for text, mine in zip(texts, keys(texts, LOOSE), strict=True):
        candidates: set[int] = set()
        for band, key in enumerate(mine.tolist()):
            holders = [i for i in range(len(ranked)) if key in listed[i].tolist()]
            assert all(listed[i][band] == key for i in holders)
            candidates |= set(holders[:max_keepers])
        similar = [
            i
            for i in sorted(candidates)
            if len(grams(text) & grams(ranked[i][1])) / len(grams(text) | grams(ranked[i][1])) >= verify
        ]
        expected.append(ranked[similar[0]][0] if similar and grams(text) else None)
    return expected


@settings(max_examples=60)
@given(
    st.lists(TEXTS, min_size=1, max_size=3),
    TEXTS,
    st.sampled_from([0.3, 0.6, 1.0]),
    st.integers(1, 3),
)
def test_the_result_is_that_of_the_definition(
    tmp_path_factory: pytest.TempPathFactory,
    corpora: list[list[str]],
    texts: list[str],
    verify: float,
    max_keepers: int,
) -> None:
    folder = tmp_path_factory.mktemp("index")
    named = []
    for number, corpus in enumerate(corpora):
        rows = [(f"{number * 100 + i:032x}", text) for i, text in enumerate(corpus)]
        named.append(rows)
        batch = pa.record_batch(
            {"doc_id": [r[0] for r in rows], "text": pa.array([r[1] for r in rows], pa.large_string())}
        )
        add(folder, [batch] if rows else [], str(number), LOOSE)
    stage = Against(index=str(folder), verify=verify, max_keepers=max_keepers)
    found = run_stage(stage, docs(*texts))
    assert found["rejected_detail"].to_pylist() == definition(named, texts, verify, max_keepers)


def earlier(*texts: str | None) -> pa.RecordBatch:
    return pa.record_batch(
        {"doc_id": [f"{i:032x}" for i in range(len(texts))], "text": pa.array(texts, pa.large_string())}
    )


STORY = " ".join(f"On day {i} the boat brought letter number {i}." for i in range(30))


def test_an_index_of_many_parts_answers_like_one_of_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    texts = [STORY.replace("letter", f"letter{i % 7}") for i in range(40)]
    one = add(tmp_path / "one", [earlier(*texts)], "a", Banding())
    monkeypatch.setattr(corpus_index, "PART_DOCUMENTS", 10)
    batch = earlier(*sorted(texts, key=lambda t: -len(t)))
    many = add(tmp_path / "many", [batch.slice(at, 10) for at in range(0, 40, 10)], "a", Banding())
    assert (len(one.parts), len(many.parts), one.documents, many.documents) == (1, 4, 40, 40)
    asked = docs(*texts[:10], STORY, "Something else.")
    for found in (run_stage(Against(index=str(tmp_path / name)), asked) for name in ("one", "many")):
        assert found["rejected_value"].to_pylist()[:10] == [1.0] * 10
        assert found["rejected"].to_pylist()[11] is None


def test_texts_without_words_take_no_part(tmp_path: Path) -> None:
    add(tmp_path, [earlier("...", None, "", STORY)], "a", Banding())
    assert read_index(tmp_path).documents == 1
    assert run_stage(Against(index=str(tmp_path)), docs("...", None, ""))["rejected"].to_pylist() == [None] * 3


def test_a_corpus_is_added_once_and_what_a_killed_run_left_is_not_read(tmp_path: Path) -> None:
    add(tmp_path, [earlier(STORY)], "a", Banding())
    (tmp_path / "part-00001").mkdir()
    (tmp_path / "part-00001" / "keys.npy").write_bytes(b"half a file")
    with pytest.raises(OutputError, match="has this corpus already"):
        add(tmp_path, [earlier("other text")], "a", Banding())
    assert len(add(tmp_path, [earlier("Another text of another day.")], "b", Banding(bands=9)).parts) == 2
    assert read_index(tmp_path).banding == Banding()


def test_a_missing_or_damaged_index_is_refused_before_a_run(tmp_path: Path) -> None:
    with pytest.raises(ValidationError, match="there is no index in"):
        Against(index=str(tmp_path / "nowhere"))
    add(tmp_path, [earlier(STORY)], "a", Banding())
    path = tmp_path / "part-00000" / "grams.npy"
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(ValidationError, match=r"grams\.npy has \d+ bytes, not"):
        Against(index=str(tmp_path))
    path.unlink()
    with pytest.raises(ValidationError, match=r"grams\.npy is missing"):
        Against(index=str(tmp_path))
    (tmp_path / "index.json").write_text("{}")
    with pytest.raises(ValidationError, match="is no index"):
        Against(index=str(tmp_path))


def test_the_index_of_a_run_takes_its_documents_out_of_the_next_crawl(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    crawls = {"may": [STORY, "A page that is gone in June."], "june": [STORY.replace("boat", "ship", 1), "A new page."]}
    for name, texts in crawls.items():
        (tmp_path / f"{name}.jsonl").write_bytes(b"".join(orjson.dumps({"text": t}) + b"\n" for t in texts))
        stages = f"[{{dedup.against: {{index: {tmp_path}/index}}}}]" if name == "june" else "[]"
        (tmp_path / f"{name}.yaml").write_text(
            f"corpusforge: 1\nsources: {{web: {{read.jsonl: {{paths: {tmp_path}/{name}.jsonl}}}}}}\nstages: {stages}\n"
            f"write.parquet: {{path: {tmp_path}/{name}}}\nrun: {{workers: 1}}\n"
        )
        with pytest.raises(SystemExit) as ended:
            main(["run", str(tmp_path / f"{name}.yaml")])
        assert ended.value.code == 0, capsys.readouterr().err
        with pytest.raises(SystemExit) as ended:
            main(["index", str(tmp_path / name), str(tmp_path / "index")])
        assert ended.value.code == 0, capsys.readouterr().err
    manifest = orjson.loads((tmp_path / "june" / "manifest.json").read_bytes())
    assert manifest["stages"][-1]["rejected"] == {"known_near_duplicate": 1}
    assert "3 documents of 2 corpora in 2 parts" in capsys.readouterr().out
    with pytest.raises(SystemExit) as ended:
        main(["index", str(tmp_path / "may"), str(tmp_path / "index"), "--ngram", "7"])
    assert ended.value.code == 2
    assert "has ngram 5" in capsys.readouterr().err
