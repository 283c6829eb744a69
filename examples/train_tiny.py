"""Train a tiny language model on the tokens that a run wrote: the hand-over from corpusforge to a training loop.

python examples/train_tiny.py [OUTPUT] [STEPS]

OUTPUT is the folder of a finished run whose recipe has tokenize.encode; default: out/quickstart, which `make
quickstart` leaves. Sequences come from write.memmap with `layout: pack` (mapped into memory, the way for large
corpora), from Parquet with `layout: pack`, or from Parquet with the `input_ids` of documents, which are packed here.
Needs torch: pip install torch
"""

import sys
from pathlib import Path

import numpy as np
import orjson
import pyarrow.parquet as pq

from corpusforge.stages.write.packing import Pack, Packed, sequences

LENGTH = 64  # tokens of a sequence where documents are packed here
SKIPPED = "torch is not installed, so nothing is trained; the tokens are ready (pip install torch to try)"


def read_sequences(output: Path) -> list[np.ndarray]:
    """Return one array of token ids for each shard, (sequences, tokens)."""
    manifest = orjson.loads((output / "manifest.json").read_bytes())
    shards: list[np.ndarray] = []
    for shard in manifest["shards"]:
        path = output / shard["path"]
        if path.suffix == ".bin":
            about = orjson.loads(path.with_suffix(".json").read_bytes())
            offsets = np.load(path.with_suffix(".offsets.npy"), mmap_mode="r")
            length = int(offsets[1])
            assert (np.diff(offsets) == length).all(), "documents have many lengths; pack them: layout: {pack: ...}"
            shards.append(np.memmap(path, dtype=about["dtype"], mode="r").reshape(-1, length))
            continue
        file = pq.ParquetFile(path)
        if "sequences" in shard:
            batches = file.iter_batches(columns=["input_ids"])
        else:
            rows = file.iter_batches(columns=["doc_id", "input_ids"])
            batches = sequences(rows, Pack(length_tokens=LENGTH, short="drop"), Packed())
        for batch in batches:
            shards.append(batch["input_ids"].flatten().to_numpy().reshape(batch.num_rows, -1))
    return shards


def main(output: Path, steps: int = 40) -> list[float]:
    """Train for some steps, print the loss now and then, and return the loss of every step; none without torch."""
    try:
        import torch
        from torch import nn
        from torch.utils.data import ConcatDataset, DataLoader
    except ImportError:
        print(SKIPPED)
        return []

    class Shard(torch.utils.data.Dataset):
        """The sequences of one shard; ids are widened one sequence at a time."""

        def __init__(self, ids: np.ndarray) -> None:
            self.ids = ids

        def __len__(self) -> int:
            return len(self.ids)

        def __getitem__(self, row: int) -> torch.Tensor:
            return torch.from_numpy(self.ids[row].astype(np.int64))

    class Tiny(nn.Module):
        """One layer of attention that looks back."""

        def __init__(self, vocabulary: int, length: int) -> None:
            super().__init__()
            self.tokens, self.places = nn.Embedding(vocabulary, 64), nn.Embedding(length, 64)
            self.layer = nn.TransformerEncoderLayer(64, 4, 128, dropout=0, batch_first=True, norm_first=True)
            self.head = nn.Linear(64, vocabulary)

        def forward(self, ids: torch.Tensor) -> torch.Tensor:
            length = ids.shape[1]
            back = nn.Transformer.generate_square_subsequent_mask(length)
            return self.head(self.layer(self.tokens(ids) + self.places.weight[:length], back, is_causal=True))

    torch.manual_seed(0)
    shards = read_sequences(output)
    vocabulary = 1 + max(int(ids.max()) for ids in shards)
    loader = DataLoader(ConcatDataset([Shard(ids) for ids in shards]), batch_size=8, shuffle=True)
    model = Tiny(vocabulary, shards[0].shape[1])
    optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3)
    losses: list[float] = []
    while len(losses) < steps:
        for ids in loader:
            loss = nn.functional.cross_entropy(model(ids[:, :-1]).flatten(0, 1), ids[:, 1:].flatten())
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            losses.append(loss.item())
            if len(losses) % 10 == 1 or len(losses) == steps:
                print(f"step {len(losses):>4}: loss {losses[-1]:.3f} on {ids.numel():,} tokens")
            if len(losses) == steps:
                break
    return losses


if __name__ == "__main__":
    given = sys.argv[1:]
    main(Path(given[0] if given else "out/quickstart"), int(given[1]) if len(given) > 1 else 40)
