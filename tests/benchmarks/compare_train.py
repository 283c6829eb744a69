"""Training byte-level BPE beside HF tokenizers' trainer: CPU seconds of both on the same texts, and the merges of both.

    python tests/benchmarks/compare_train.py TEXTS.parquet ... [--vocab-size 32000] [--fertility]

CPU seconds are user and system time, one thread; ours counts words through the passes of tokenize.train, in batches,
and has its kernels compiled before on a little text (those seconds stand apart). `--fertility` trains on every second
document, byte-level BPE and both SentencePiece models, and prints what `corpusforge tokenizer` says of the others.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

os.environ["TOKENIZERS_PARALLELISM"] = "false"
os.environ["RAYON_NUM_THREADS"] = "1"


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("texts", nargs="+")
    arguments.add_argument("--vocab-size", type=int, default=32_000)
    arguments.add_argument("--batch-rows", type=int, default=500)
    arguments.add_argument("--fertility", action="store_true")
    given = arguments.parse_args()
    import pyarrow as pa
    import pyarrow.parquet as pq

    from corpusforge.schema import doc_ids

    table = pa.concat_tables([pq.read_table(path) for path in given.texts])
    if "source" not in table.schema.names:
        table = table.append_column("source", pa.array(["texts"] * table.num_rows))
    table = table.append_column("doc_id", doc_ids("texts", [str(i) for i in range(table.num_rows)]))
    if given.fertility:
        fertility(table, given.vocab_size)
        return
    size = sum(len(text.encode()) for text in table["text"].to_pylist() if text)
    begin = time.process_time()
    ours(table.slice(0, 20), 400, given.batch_rows)
    compiling = time.process_time() - begin
    begin = time.process_time()
    mine = json.loads(ours(table, given.vocab_size, given.batch_rows))["model"]
    seconds = time.process_time() - begin
    print(
        f"corpusforge {seconds:7.1f} CPU s for {size / 1e6:.1f} MB; kernels before that {compiling:.1f} s", flush=True
    )
    begin = time.process_time()
    theirs = by_hf(table["text"].to_pylist(), given.vocab_size)
    other = time.process_time() - begin
    print(f"HF trainer  {other:7.1f} CPU s; {other / seconds:.1f} times as many")
    print(f"{len(mine['merges'])} and {len(theirs['merges'])} merges, the same: {mine['merges'] == theirs['merges']}")
    print(
        f"vocabularies of {len(mine['vocab'])} and {len(theirs['vocab'])}, the same: {mine['vocab'] == theirs['vocab']}"
    )


def ours(table, vocab_size: int, batch_rows: int, **fields):  # type: ignore[no-untyped-def]
    """Run the passes over batches of documents; return the trained file's content."""
    import pyarrow as pa

    from corpusforge.stages.tokenize.train import Train

    stage = Train(vocab_size=vocab_size, **fields)
    words, _, last = stage.passes()
    runs = []
    for batch in table.combine_chunks().to_batches(max_chunksize=batch_rows):
        if (found := words.emit(batch, {})) is not None:
            runs.append(pa.Table.from_batches([found]))
    order = [("key", "ascending"), ("low", "ascending")]
    merged = pa.concat_tables(runs).sort_by(order).combine_chunks()
    combined = list(words.combine(iter(words.prune(merged).to_batches())))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "artifact"
        last.artifact(iter([last.emit(batch, {}) for batch in combined]), path)
        return path.read_bytes()


def by_hf(texts, vocab_size: int):  # type: ignore[no-untyped-def]
    from tokenizers import Regex, Tokenizer, models, pre_tokenizers, trainers

    from corpusforge.stages.tokenize.patterns import CL100K

    tokenizer = Tokenizer(models.BPE())
    split = pre_tokenizers.Split(Regex(CL100K), "isolated")
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [split, pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)]
    )
    trainer = trainers.BpeTrainer(
        vocab_size=vocab_size,
        min_frequency=2,
        special_tokens=["<|endoftext|>"],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator([text for text in texts if text], trainer)
    return json.loads(tokenizer.to_str())["model"]


def fertility(table, vocab_size: int) -> None:  # type: ignore[no-untyped-def]
    import numpy as np
    import pyarrow as pa
    import pyarrow.parquet as pq

    odd = np.arange(table.num_rows) % 2 == 1
    with tempfile.TemporaryDirectory() as folder:
        made = []
        for model, suffix in (("byte_bpe", "json"), ("sentencepiece_bpe", "model"), ("sentencepiece_unigram", "model")):
            begin = time.process_time()
            path = Path(folder) / f"{model}.{suffix}"
            path.write_bytes(ours(table.filter(pa.array(~odd)), vocab_size, 500, model=model))
            made.append(str(path))
            print(f"{model}: trained in {time.process_time() - begin:.1f} CPU s", flush=True)
        others = Path(folder) / "others.parquet"
        pq.write_table(table.filter(pa.array(odd)), others)
        from compare_encode import tokenizer_file

        known = [tokenizer_file(name, Path(folder), []) for name in ("gpt2", "deepseek", "mistral", "cl100k")]
        compare = [option for path in [*made[1:], *filter(None, known)] for option in ("--compare", str(path))]
        command = [made[0], "--texts", str(others), "--pattern", "cl100k_base", *compare]
        program = "from corpusforge.cli import main; main()"
        subprocess.run([sys.executable, "-c", program, "tokenizer", *command], check=True)


if __name__ == "__main__":
    main()
