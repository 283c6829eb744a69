"""A SentencePiece model from word counts, made by the sentencepiece package."""

import io
from collections.abc import Sequence
from pathlib import Path

from corpusforge.errors import RunError
from corpusforge.stages.tokenize.word_counts import Words

LONGEST_BYTES = 16_384  # longer words are left out by the trainer: runs of text without spaces are mostly no words


def train(
    words: Words,
    path: Path,
    model_type: str,
    vocab_size: int,
    special_tokens: Sequence[str],
    character_coverage: float,
    normalization: str,
) -> None:
    """Write the model of `words` (UTF-8, without white space) to `path`.

    One thread and no sampling, and words in one order, so it is the same every time. RunError when the package makes no
    model of these words.
    """
    from sentencepiece import SentencePieceTrainer

    made = io.BytesIO()  # not a file, whose name would stand in the model
    lines = (
        f"{word.as_py().decode()}\t{count}" for word, count in zip(words.words, words.counts.tolist(), strict=True)
    )
    try:
        SentencePieceTrainer.Train(
            sentence_iterator=lines,
            input_format="tsv",
            model_writer=made,
            model_type=model_type,
            vocab_size=vocab_size,
            control_symbols=list(special_tokens),
            character_coverage=character_coverage,
            normalization_rule_name=normalization,
            remove_extra_whitespaces=normalization != "identity",
            byte_fallback=True,
            split_digits=True,
            allow_whitespace_only_pieces=True,
            hard_vocab_limit=False,
            max_sentence_length=LONGEST_BYTES,
            num_threads=1,
            minloglevel=2,
        )
    except RuntimeError as error:
        raise RunError(
            f"tokenize.train: SentencePiece made no model of {len(words.words):,} words: {error}; "
            "lower vocab_size, or train on more text"
        ) from error
    path.write_bytes(made.getvalue())
