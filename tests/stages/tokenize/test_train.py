"""tokenize.train."""

import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from pydantic import ValidationError
from tokenizers import Tokenizer

from corpusforge.stage import reject
from corpusforge.stages.tokenize.encode import Encode
from corpusforge.stages.tokenize.train import Train
from corpusforge.testing import check_corpus_stage, docs, run_corpus_stage

TEXTS = [f"Low lower lowest number {i * i}, newer and wider than {i} words.\n" * (i % 5 + 1) for i in range(80)]

SCRIPT = """
import sys
from pathlib import Path
from corpusforge.stages.tokenize.train import Train
from corpusforge.testing import docs
texts = Path(sys.argv[1]).read_text().split(chr(0))
one, = Train(vocab_size=400, min_frequency=1).passes()
batch = one.emit(docs(*texts), {})
one.artifact(one.combine(iter([batch])), Path(sys.argv[2]))
"""


def sample(stage: Train, splits: list[pa.RecordBatch], *, prune: bool) -> str:
    """Return the sampled texts, joined, as an engine would take them: sorted runs of splits, merged."""
    (one,) = stage.passes()
    runs = []
    for split in splits:
        if (emitted := one.emit(split, {})) is not None:
            run = pa.Table.from_batches([emitted]).sort_by([("key", "ascending"), ("id", "ascending")])
            assert one.prune is not None
            runs.append(one.prune(run) if prune else run)
    merged = pa.concat_tables(runs).sort_by([("key", "ascending"), ("id", "ascending")]).combine_chunks()
    found = one.combine(iter(merged.to_batches(max_chunksize=3)))
    return "\0".join(text for batch in found for text in batch["text"].to_pylist())


def test_the_sample_depends_on_neither_splits_nor_pruning_and_has_the_asked_size() -> None:
    batch = docs(*TEXTS)
    stage = Train(sample_bytes=3_000)
    whole = sample(stage, [batch], prune=False)
    assert sum(len(text) for text in whole.split("\0")) == 3_000
    for size in (1, 7, 40):
        splits = [batch.slice(i, size) for i in range(0, len(TEXTS), size)]
        assert sample(stage, splits, prune=True) == sample(stage, splits, prune=False) == whole
    assert sample(Train(sample_bytes=3_000, seed=1), [batch], prune=True) != whole


def test_the_last_text_is_cut_between_characters() -> None:
    assert sample(Train(sample_bytes=5), [docs("ééé")], prune=True) == "éé"


def test_rejected_null_and_empty_texts_are_not_sampled() -> None:
    batch = reject(docs("kept", "gone", None, ""), [False, True, False, False], "odd")
    assert sample(Train(), [batch], prune=True) == "kept"


def test_fresh_processes_train_the_same_bytes_whatever_the_hash_seed(tmp_path: Path) -> None:
    # Every pair of the many one-off words is a tie.
    ties = [" ".join(hashlib.sha256(f"{i} {j}".encode()).hexdigest()[:9] for j in range(20)) for i in range(40)]
    (tmp_path / "texts").write_text("\0".join(TEXTS + ties))
    found = []
    for seed in "012":
        target = tmp_path / seed
        environment = {**os.environ, "PYTHONHASHSEED": seed}
        subprocess.run([sys.executable, "-c", SCRIPT, tmp_path / "texts", target], check=True, env=environment)
        found.append(target.read_bytes())
    assert found[0] == found[1] == found[2]
    assert len(json.loads(found[0])["model"]["vocab"]) == 400


@pytest.mark.parametrize("split", ["gpt4", "gpt2"])
def test_the_trained_tokenizer_gives_every_text_back(split: Any, tmp_path: Path) -> None:
    stage = Train(vocab_size=400, split=split, special_tokens=("<|end|>", "<|pad|>"))
    (one,) = stage.passes()
    path = tmp_path / "tokenizer"
    assert one.artifact is not None
    one.artifact(one.combine(iter([one.emit(docs(*TEXTS), {})])), path)
    tokenizer = Tokenizer.from_file(str(path))
    assert [tokenizer.token_to_id(t) for t in ("<|end|>", "<|pad|>")] == [0, 1]
    assert 258 < tokenizer.get_vocab_size() <= 400
    text = "Lower, lowest 12345\n\n\tnaïve 東京 👩‍👩‍👧 \x00"
    out = Encode(tokenizer="trained", eos="<|end|>").open_with(path)(docs(text, "the lowest number"))
    ids = out["input_ids"].to_pylist()
    assert tokenizer.decode(ids[0][:-1]) == text and ids[0][-1] == 0
    assert len(ids[1]) < 10
    longest_digits = max(len(t.lstrip("Ġ")) for t in tokenizer.get_vocab() if t.lstrip("Ġ").isdigit())
    assert longest_digits <= 3 or split == "gpt2"


def test_documents_pass_unchanged_and_an_empty_corpus_gives_the_bytes_alone(tmp_path: Path) -> None:
    stage = Train(vocab_size=300)
    batch = docs(None, "")
    (out,) = run_corpus_stage(stage, [batch])
    assert out.select(batch.schema.names).equals(batch)
    (one,) = stage.passes()
    assert one.artifact is not None
    one.artifact(one.combine(iter(())), tmp_path / "empty")
    assert Tokenizer.from_file(str(tmp_path / "empty")).get_vocab_size() == 257


def test_a_vocabulary_without_room_for_the_bytes_is_refused() -> None:
    with pytest.raises(ValidationError, match="vocab_size is 256; the bytes and special tokens alone need 257"):
        Train(vocab_size=256)


def test_the_stage_keeps_the_promises_of_the_protocol() -> None:
    check_corpus_stage(Train)
