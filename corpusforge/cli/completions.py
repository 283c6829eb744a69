"""corpusforge completions: what a shell needs to complete commands, options and names."""

import click

from corpusforge.errors import RecipeError

PLACES = {
    "bash": "~/.local/share/bash-completion/completions/corpusforge",
    "zsh": '"${fpath[1]}/_corpusforge"',
    "fish": "~/.config/fish/completions/corpusforge.fish",
}


@click.command(short_help="Print the completion script of a shell.")
@click.argument("shell", type=click.Choice(list(PLACES)))
def command(shell: str) -> None:
    """Print the script that makes SHELL complete commands, options, and names of recipes, packs and stages.

    \b
    bash:  corpusforge completions bash > ~/.local/share/bash-completion/completions/corpusforge
    zsh:   corpusforge completions zsh > "${fpath[1]}/_corpusforge"
    fish:  corpusforge completions fish > ~/.config/fish/completions/corpusforge.fish
    """
    from click.shell_completion import get_completion_class

    from corpusforge.cli import group

    complete = get_completion_class(shell)
    if complete is None:
        raise RecipeError(f"click knows no completion for {shell}")
    script = complete(group, {}, "corpusforge", "_CORPUSFORGE_COMPLETE")
    click.echo(type(script).source_template % script.source_vars())
