"""The commands that say of ourselves that we are away, or busy."""

from typing import Final

import click

from chatd.client.cli.commands.options import options_of

_FOR = click.option("--for", "time", metavar="TIME", help="For how long, such as 30min, 2h or 7d.")


@click.command()
@click.argument("text", nargs=-1)
@_FOR
@click.pass_context
def away(context: click.Context, text: tuple[str, ...], time: str | None) -> None:
    """Let others see that you are away, and why, until the time is over or you are back."""
    from chatd.client.cli.away import run  # noqa: PLC0415

    context.exit(run(options_of(context), "away", " ".join(text), time))


@click.command()
@click.argument("text", nargs=-1)
@_FOR
@click.pass_context
def busy(context: click.Context, text: tuple[str, ...], time: str | None) -> None:
    """Let others see that you do not want to be disturbed; mentions of you ring no bell."""
    from chatd.client.cli.away import run  # noqa: PLC0415

    context.exit(run(options_of(context), "busy", " ".join(text), time))


@click.command()
@click.pass_context
def back(context: click.Context) -> None:
    """Be neither away nor busy any more."""
    from chatd.client.cli.away import run  # noqa: PLC0415

    context.exit(run(options_of(context), "", "", None))


COMMANDS: Final = (away, busy, back)
