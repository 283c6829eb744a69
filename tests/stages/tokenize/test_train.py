"""tokenize.train."""

import json
from collections import Counter
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from pydantic import ValidationError
from tokenizers import Regex, Tokenizer, models, pre_tokenizers, trainers

from corpusforge.errors import RunError
from corpusforge.stage import reject
from corpusforge.stages.tokenize.blank_words import blank_words
from corpusforge.stages.tokenize.bpe_trainer import learn
from corpusforge.stages.tokenize.byte_bpe import PATTERNS, pre_tokens
from corpusforge.stages.tokenize.byte_bpe import train as train_bytes
from corpusforge.stages.tokenize.encode import Encode
from corpusforge.stages.tokenize.train import Train
from corpusforge.stages.tokenize.word_counts import Words, gathered
from corpusforge.testing import check_corpus_stage, docs, run_corpus_stage

TEXTS = [f"Low lower lowest number {i * i}, newer and wider than {i} words.\n" * (i % 5 + 1) for i in range(80)]
SPLITS = ("gpt4", "gpt2", "gpt4o", "qwen2", "deepseek")


def artifacts(stage: Train, splits: list[pa.RecordBatch], folder: Path, partitions: int = 1) -> dict[str, Path]:
    """Return what the passes leave, for any splits and partitions."""
    found: dict[str, Path] = {}

    class Kept(Train):
        def open_corpus(self, made: Any) -> Any:
            for name, path in made.items():
                found[name] = folder / name
                found[name].write_bytes(Path(path).read_bytes())
            return super().open_corpus(made)

    run_corpus_stage(Kept(**stage.model_dump()), splits, partitions=partitions, batch_rows=7)
    return found


def by_hf(texts: list[str], stage: Train) -> dict[str, Any]:
    """Return the model that HF's trainer makes of the same texts."""
    tokenizer = Tokenizer(models.BPE())
    steps = [pre_tokenizers.Split(Regex(pattern), "isolated") for pattern in PATTERNS[stage.split]]
    byte_level = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([*steps, byte_level])
    trainer = trainers.BpeTrainer(
        vocab_size=stage.vocab_size,
        min_frequency=stage.min_frequency,
        special_tokens=list(stage.special_tokens),
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts, trainer)
    model: dict[str, Any] = json.loads(tokenizer.to_str())["model"]
    return model


@pytest.mark.parametrize("split", SPLITS)
@settings(deadline=None, max_examples=40)
@given(
    st.lists(st.text("abcAB 'é東.\n1", max_size=30) | st.sampled_from(TEXTS), max_size=12),
    st.integers(258, 330),
    st.integers(1, 3),
    st.sampled_from([("<|end|>",), ("<|end|>", "ab"), ("a", "bc", " x"), ()]),
)
@example(["aaaa aaa aaaaaaa " * 9, "abab ababab bababa"], 300, 1, ("<|end|>",))
@example(["ab abc bc cab bca " * 3], 330, 1, ("ab", "abc", "Ġb"))
def test_merges_are_those_of_hf_tokenizers_trainer(
    split: Any, texts: list[str], vocab_size: int, min_frequency: int, special: tuple[str, ...]
) -> None:
    stage = Train(vocab_size=vocab_size + 5, min_frequency=min_frequency, special_tokens=special, split=split)
    made = stage._emit(docs(*texts), {})
    words = counted([] if made is None else zip(made["word"].to_pylist(), made["count"].to_pylist(), strict=True))
    ours = json.loads(train_bytes(words, stage.vocab_size, min_frequency, special, split))["model"]
    theirs = by_hf(texts, stage)
    assert ours["merges"] == theirs["merges"]
    assert ours["vocab"] == theirs["vocab"]


def counted(pairs: Any) -> Words:
    """Return words in the order that gives them to the trainer."""
    pairs = sorted(pairs, key=lambda pair: (-pair[1], pair[0]))
    counts = np.array([count for _, count in pairs], np.int64)
    return Words(pa.array([word for word, _ in pairs], pa.large_binary()), counts, len(pairs), int(counts.sum()))


@settings(deadline=None, max_examples=60)
@given(
    st.dictionaries(st.binary(min_size=1, max_size=9).map(lambda b: bytes(x % 3 + 97 for x in b)), st.integers(1, 9))
)
def test_every_merge_is_the_most_frequent_pair(words: dict[bytes, int]) -> None:
    pairs = sorted(words.items())
    data = np.frombuffer(b"".join(word for word, _ in pairs), np.uint8)
    offsets = np.cumsum([0, *(len(word) for word, _ in pairs)])
    counts = np.array([count for _, count in pairs], np.int64)
    found = learn(data, offsets, counts, [bytes([i]) for i in range(256)], 262, 1)
    pieces = [[word[i : i + 1] for i in range(len(word))] for word, _ in pairs]
    if not found.pairs:
        assert all(len(word) < 2 for word in words)
        return
    tally: Counter[tuple[bytes, bytes]] = Counter()
    for word, (_, count) in zip(pieces, pairs, strict=True):
        for pair in pairwise(word):
            tally[pair] += count
    first = tuple(found.tokens[number] for number in found.pairs[0])
    assert tally[first] == max(tally.values())


@pytest.mark.parametrize("split", SPLITS)
def test_pre_tokens_cover_a_text(split: str) -> None:
    texts = pa.array([TEXTS[3], "", "naïve 東京カ 12345\n\n x"], pa.large_string())
    spans = pre_tokens(texts, split)
    raw = spans.data.tobytes()
    for text, a, b in zip(texts.to_pylist(), spans.offsets, spans.offsets[1:], strict=False):
        assert b"".join(raw[spans.starts[i] : spans.ends[i]] for i in range(a, b)) == text.encode()


@given(st.lists(st.text("ab \n\u3000\u2028é\x1c", max_size=12)))
def test_blank_words_are_what_stands_between_white_space(texts: list[str]) -> None:
    import regex

    spans = blank_words(pa.array(texts, pa.large_string()))
    raw = spans.data.tobytes()
    for number, text in enumerate(texts):
        mine = range(spans.offsets[number], spans.offsets[number + 1])
        assert [raw[spans.starts[i] : spans.ends[i]].decode() for i in mine] == regex.findall(r"[^\s]+", text)


@pytest.mark.parametrize("model", ["byte_bpe", "sentencepiece_unigram"])
def test_neither_splits_nor_partitions_change_what_is_trained(model: Any, tmp_path: Path) -> None:
    batch = docs(*TEXTS)
    stage = Train(vocab_size=330, model=model, max_words=150)
    whole = artifacts(stage, [batch], tmp_path)
    before = {name: path.read_bytes() for name, path in whole.items()}
    for size, partitions in ((1, 3), (33, 2)):
        again = artifacts(stage, [batch.slice(i, size) for i in range(0, len(TEXTS), size)], tmp_path, partitions)
        assert {name: path.read_bytes() for name, path in again.items()} == before
    report = json.loads(before["trained.report"])
    assert report["words_left_out"] == report["words"] - 150 > 0 and report["occurrences_left_out"] > 0


def test_words_are_left_out_by_count_then_bytes() -> None:
    rows = {
        "key": [1, 2, 3, 4, 5],
        "low": [1, 2, 3, 4, 5],
        "word": [b"c", b"a", b"b", b"d", None],
        "count": [2, 2, 2, 9, 15],
    }
    types = {"key": pa.uint64(), "low": pa.uint64(), "word": pa.large_binary(), "count": pa.int64()}
    batch = pa.record_batch({name: pa.array(values, types[name]) for name, values in rows.items()})
    words = gathered(iter([batch]), 3)
    assert words.words.to_pylist() == [b"d", b"a", b"b"] and words.counts.tolist() == [9, 2, 2]
    assert (words.distinct, words.occurrences) == (5, 15)


def test_weights_by_source_and_language_change_the_counts(tmp_path: Path) -> None:
    batch = docs("xy xy", "xz xz xz", "xw", source=["web", "code", "web"], language=["en", None, "de"])
    stage = Train(vocab_size=300, source_weights={"code": 0.5}, language_weights={"de": 3}, min_frequency=1)
    assert stage.columns_read() == ("doc_id", "text", "source", "language")
    report = json.loads(artifacts(stage, [batch], tmp_path)["trained.report"].read_bytes())
    # xy once, " xy" once; xz 0.5 to 1 and " xz" 2 times 0.5; xw three times
    assert report["occurrences"] == 1 + 1 + 1 + 1 + 3
    nothing = Train(vocab_size=300, source_weights={"web": 0}, min_frequency=1)
    assert json.loads(artifacts(nothing, [batch], tmp_path)["trained.report"].read_bytes())["words"] == 2
    with pytest.raises(ValidationError, match="weights are from 0 to 1000"):
        Train(source_weights={"web": -1})


def test_rejected_null_and_empty_texts_do_not_count_and_a_sample_depends_on_the_seed(tmp_path: Path) -> None:
    batch = reject(docs("kept", "gone", None, ""), [False, True, False, False], "odd")
    assert json.loads(artifacts(Train(), [batch], tmp_path)["trained.report"].read_bytes())["occurrences"] == 1
    half = [
        json.loads(
            artifacts(Train(sample_fraction=0.5, seed=seed), [docs(*TEXTS)], tmp_path)["trained.report"].read_bytes()
        )
        for seed in (0, 1)
    ]
    assert half[0] != half[1] and all(one["words"] > 0 for one in half)


@pytest.mark.parametrize("model", ["byte_bpe", "sentencepiece_bpe", "sentencepiece_unigram"])
def test_the_trained_tokenizer_gives_every_text_back(model: Any, tmp_path: Path) -> None:
    stage = Train(vocab_size=400, model=model, special_tokens=("<|end|>", "<|pad|>"))
    path = artifacts(stage, [docs(*TEXTS)], tmp_path)["trained"]
    text = "Lower, lowest 12345  naïve 東京 👩‍👩‍👧"
    out = Encode(tokenizer="trained", eos="<|end|>").open_with(path)(docs(text, "the lowest number"))
    ids = out["input_ids"].to_pylist()
    if model == "byte_bpe":
        tokenizer = Tokenizer.from_file(str(path))
        assert [tokenizer.token_to_id(t) for t in stage.special_tokens] == [0, 1]
        assert 258 < tokenizer.get_vocab_size() <= 400
        back, end = tokenizer.decode(ids[0][:-1]), 0
        digits = [token.lstrip("Ġ") for token in tokenizer.get_vocab() if token.lstrip("Ġ").isdigit()]
        assert max(map(len, digits)) <= 3
    else:
        from sentencepiece import SentencePieceProcessor

        processor = SentencePieceProcessor(model_proto=path.read_bytes())
        back, end = processor.decode(ids[0][:-1]), processor.piece_to_id("<|end|>")
        assert processor.get_piece_size() <= 400
    assert back == text and ids[0][-1] == end
    assert len(ids[1]) < 16


def test_no_words_are_an_error_for_sentencepiece(tmp_path: Path) -> None:
    with pytest.raises(RunError, match=r"SentencePiece made no model of 0 words.*train on more text"):
        artifacts(Train(model="sentencepiece_bpe"), [docs(" ")], tmp_path)


def test_documents_pass_unchanged_and_an_empty_corpus_gives_the_bytes_alone(tmp_path: Path) -> None:
    stage = Train(vocab_size=300)
    batch = docs(None, "")
    (out,) = run_corpus_stage(stage, [batch])
    assert out.select(batch.schema.names).equals(batch)
    path = artifacts(stage, [batch], tmp_path)["trained"]
    assert Tokenizer.from_file(str(path)).get_vocab_size() == 257


def test_a_vocabulary_without_room_for_the_bytes_is_refused() -> None:
    with pytest.raises(ValidationError, match="vocab_size is 256; the bytes and special tokens alone need 257"):
        Train(vocab_size=256)


def test_the_stage_keeps_the_promises_of_the_protocol() -> None:
    check_corpus_stage(Train)
