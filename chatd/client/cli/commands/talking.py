"""The commands that say something, print what is said, or take it back."""

from typing import Final

import click

from chatd.client.cli.commands.options import AS_JSON, PLAIN, VERBOSE, options_of, strips


@click.command()
@click.argument("room")
@click.argument("text", nargs=-1)
@click.option("--timeout", type=click.FloatRange(min=0), metavar="S", help="Give up after S seconds.")
@click.option("--verbose", "-v", is_flag=True, help="Tell about the connection, and how many were sent.")
@PLAIN
@click.pass_context
def send(
    context: click.Context,
    room: str,
    text: tuple[str, ...],
    timeout: float | None,
    verbose: bool,
    strip: bool,
) -> None:
    """Send TEXT, or every line of standard input; succeed when all is safe on the server's disk."""
    from chatd.client.cli.send import run  # noqa: PLC0415

    words = " ".join(text) if text else None
    strip = strip or strips(context)
    context.exit(run(options_of(context, room), room, words, timeout=timeout, verbose=verbose, strip=strip))


@click.command()
@click.argument("rooms", nargs=-1, required=True)
@AS_JSON
@click.option("--since", metavar="SEQ|CURSOR", help="Begin behind that event; 0 for all.")
@click.option("--count", type=click.IntRange(min=1), metavar="N", help="Stop after N messages.")
@VERBOSE
@click.pass_context
def tail(
    context: click.Context,
    rooms: tuple[str, ...],
    as_json: bool,
    since: str | None,
    count: int | None,
    verbose: bool,
) -> None:
    """Print what is said in ROOMS from now on."""
    from chatd.client.cli.tail import run  # noqa: PLC0415

    options = options_of(context, *rooms)
    context.exit(run(options, rooms, as_json=as_json, since=since, count=count, verbose=verbose))


@click.command()
@click.argument("rooms", nargs=-1, required=True)
@AS_JSON
@PLAIN
@VERBOSE
@click.pass_context
def talk(context: click.Context, rooms: tuple[str, ...], as_json: bool, strip: bool, verbose: bool) -> None:
    """Send the lines of standard input to the first of ROOMS; print what is said in all of them."""
    from chatd.client.cli.talk import run  # noqa: PLC0415

    strip = strip or strips(context)
    context.exit(run(options_of(context, *rooms), rooms, as_json=as_json, strip=strip, verbose=verbose))


@click.command()
@click.argument("room")
@click.argument("number", type=click.IntRange(min=1))
@click.option("--reason", metavar="TEXT", default="", help="Why, for everybody to read.")
@click.pass_context
def remove(context: click.Context, room: str, number: int, reason: str) -> None:
    """Erase what event NUMBER of ROOM says, for everybody and for good.

    History tells the numbers with --json, as seq.
    """
    from chatd.client.cli.ask import run_remove  # noqa: PLC0415

    context.exit(run_remove(options_of(context, room), room, number, reason))


COMMANDS: Final = (send, tail, talk, remove)
