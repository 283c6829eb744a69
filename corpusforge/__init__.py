"""corpusforge: raw web, book and code dumps to tokenized Parquet for pretraining language models."""

from corpusforge.stage import CorpusStage, Example, Kernel, Pass, Stage, attach, reject, with_columns

__version__ = "0.1.0"
__all__ = ["CorpusStage", "Example", "Kernel", "Pass", "Stage", "attach", "reject", "with_columns", "__version__"]
