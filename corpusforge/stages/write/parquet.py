"""Write shards as Parquet files that training readers like."""

from pydantic import BaseModel, ByteSize, ConfigDict


class Parquet(BaseModel):
    """Write the kept documents to OUTPUT/data as Parquet shards of about equal size.

    A shard holds about `shard_bytes`, a row group about `row_group_bytes`, both measured before compression
    as the sum of value lengths over all columns. Every option that decides bytes is written out in
    engine/layout.py; the same rows give the same file.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    path: str
    shard_bytes: ByteSize = ByteSize(256 << 20)
    row_group_bytes: ByteSize = ByteSize(32 << 20)
    compression_level: int = 3  # zstd; level 3 writes 134 MB/s a core, level 1 240 (measured)
