"""The command line: one file per command; `train_classifier.py` is the command `train classifier`. Only this
package prints.

Exit codes: 0 done; 1 the run failed; 2 the recipe or the command is wrong and nothing was run.
"""

import importlib
import sys
from pathlib import Path
from typing import Any

import click

from corpusforge.errors import CorpusforgeError, OutputError, RecipeError


class Commands(click.Group):
    """Commands by file name, imported when they are used: `check` must answer in under a second.

    The commands of a group have the group's name and `_` as their `prefix`.
    """

    def __init__(self, *args: Any, prefix: str = "", **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.prefix = prefix

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Every file of this folder with the prefix that defines `command`."""
        files = sorted(Path(__file__).parent.glob(f"{self.prefix}[a-z]*.py"))
        names = [p.stem.removeprefix(self.prefix) for p in files if "def command(" in p.read_text(encoding="utf-8")]
        return [name for name in names if "_" not in name]

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
        """Import corpusforge/cli/<prefix><name>.py and return its `command`."""
        if name not in self.list_commands(ctx):
            return None
        command: click.Command = importlib.import_module(f"corpusforge.cli.{self.prefix}{name}").command
        command.name = name
        return command


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="corpusforge")
@click.option("--debug", is_flag=True, help="Show a traceback with every error.")
@click.pass_context
def group(context: click.Context, debug: bool) -> None:
    """Raw web, book and code dumps to tokenized Parquet for pretraining language models."""
    context.obj = {"debug": debug}


def main(arguments: list[str] | None = None) -> None:
    """Run a command and exit with its code."""
    arguments = sys.argv[1:] if arguments is None else arguments
    try:
        group.main(arguments, prog_name="corpusforge", standalone_mode=False)
    except click.exceptions.Exit as end:
        sys.exit(end.exit_code)
    except click.ClickException as error:
        error.show()
        sys.exit(2)
    except (click.Abort, KeyboardInterrupt):
        click.echo("stopped; run the same command again to continue", err=True)
        sys.exit(1)
    except CorpusforgeError as error:
        if "--debug" in arguments:
            raise
        click.echo(f"error: {error}", err=True)
        sys.exit(2 if isinstance(error, RecipeError | OutputError) else 1)
    sys.exit(0)
