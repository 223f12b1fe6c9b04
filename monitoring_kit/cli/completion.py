"""`mkit completion`: the completion script of a shell."""

from __future__ import annotations

import click

EXAMPLES = """\b
Examples:
  mkit completion bash > ~/.local/share/bash-completion/completions/mkit
  mkit completion zsh > ~/.zfunc/_mkit
  mkit completion fish > ~/.config/fish/completions/mkit.fish
"""


@click.command("completion", epilog=EXAMPLES)
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
def command(shell: str) -> None:
    """Print the completion script for SHELL."""
    from click.shell_completion import get_completion_class

    from monitoring_kit.cli.main import main

    made = get_completion_class(shell)
    assert made is not None
    click.echo(made(main, {}, "mkit", "_MKIT_COMPLETE").source())
