"""A byte-level BPE tokenizer from word counts, as a tokenizer.json."""

from collections.abc import Sequence

import numpy as np
import pyarrow as pa

from corpusforge.stages.tokenize.bpe_trainer import learn
from corpusforge.stages.tokenize.byte_level import letters
from corpusforge.stages.tokenize.character_classes import table
from corpusforge.stages.tokenize.compiled import text_buffers
from corpusforge.stages.tokenize.cutters import cut
from corpusforge.stages.tokenize.patterns import CL100K, DEEPSEEK, GPT2, IDEOGRAPHS, O200K, QWEN2, THREE_DIGITS, known
from corpusforge.stages.tokenize.word_counts import Words
from corpusforge.text.spans import Spans

PATTERNS = {
    "gpt2": (GPT2,),
    "gpt4": (CL100K,),
    "gpt4o": (O200K,),
    "qwen2": (QWEN2,),
    "deepseek": (THREE_DIGITS, IDEOGRAPHS, DEEPSEEK),
}


def pre_tokens(texts: pa.LargeStringArray, split: str) -> Spans:
    """Cut texts, none of them null, as the tokenizer will."""
    data, offsets = text_buffers(texts)
    starts, ends = offsets[:-1].copy(), offsets[1:].copy()
    places = np.arange(len(offsets))
    for pattern in PATTERNS[split]:
        how = known(pattern)
        assert how is not None
        starts, ends, inside = cut(data, starts, ends, table("tokenizers"), how)
        places = inside[places]
    return Spans(data, places, starts, ends)


def train(words: Words, vocab_size: int, min_frequency: int, special_tokens: Sequence[str], split: str) -> str:
    """Return the tokenizer.json: special tokens, bytes and merges, the same as HF's BpeTrainer makes of these words."""
    from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers

    alphabet = letters()
    spelled = {byte: letter for letter, byte in alphabet.items()}
    begin = list(dict.fromkeys([*special_tokens, *sorted(alphabet)]))
    # A special token that merges can spell is theirs too, as in HF's: they share one table of strings.
    as_bytes = [bytes(alphabet[x] for x in one) if alphabet.keys() >= set(one) else b"" for one in begin]
    data = np.frombuffer(words.words.buffers()[2] or b"", np.uint8)
    offsets = np.frombuffer(words.words.buffers()[1], np.int64, len(words.words) + 1, 8 * words.words.offset)
    made = learn(data[: offsets[-1]], offsets, words.counts, as_bytes, vocab_size, min_frequency)
    tokens = [*begin, *("".join(spelled[byte] for byte in token) for token in made.tokens[len(begin) :])]
    vocab = {token: number for number, token in enumerate(tokens)}
    tokenizer = Tokenizer(models.BPE(vocab, [(tokens[a], tokens[b]) for a, b in made.pairs]))
    if split == "gpt2":
        tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    else:
        steps = [pre_tokenizers.Split(Regex(pattern), "isolated") for pattern in PATTERNS[split]]
        tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
            [*steps, pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)]
        )
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.add_special_tokens(list(special_tokens))
    text: str = tokenizer.to_str()
    return text
