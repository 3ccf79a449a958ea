"""`completion`: what a shell loads to complete this command."""

from __future__ import annotations

import click

SHELLS = ("bash", "zsh", "fish")


@click.command()
@click.argument("shell", type=click.Choice(SHELLS))
@click.pass_context
def completion(context: click.Context, shell: str) -> None:
    """Print the completion script of SHELL.

    \b
    bash:  eval "$(portside completion bash)"            in ~/.bashrc
    zsh:   eval "$(portside completion zsh)"             in ~/.zshrc
    fish:  portside completion fish | source             in ~/.config/fish/config.fish
    """
    from click.shell_completion import get_completion_class

    completer = get_completion_class(shell)
    assert completer is not None
    root = context.find_root()
    click.echo(completer(root.command, {}, "portside", "_PORTSIDE_COMPLETE").source())
