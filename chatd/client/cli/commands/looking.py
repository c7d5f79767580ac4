"""The commands that look at what is there: rooms, members, and what was said."""

from typing import Final

import click

from chatd.client.cli.commands.options import AS_JSON, options_of


@click.command()
@click.argument("room")
@click.option("--before", type=click.IntRange(min=1), metavar="SEQ", help="Only events before SEQ.")
@click.option(
    "--limit", type=click.IntRange(min=1), default=50, show_default=True, metavar="N", help="How many."
)
@AS_JSON
@click.pass_context
def history(context: click.Context, room: str, before: int | None, limit: int, as_json: bool) -> None:
    """Print the latest events of ROOM."""
    from chatd.client.cli.ask import run_history  # noqa: PLC0415

    context.exit(run_history(options_of(context, room), room, before, limit, as_json=as_json))


@click.command()
@click.argument("query", nargs=-1, required=True)
@click.option("--in", "room", metavar="ROOM", default="", help="Only in ROOM; without it, in all of yours.")
@click.option(
    "--limit", type=click.IntRange(min=1), default=50, show_default=True, metavar="N", help="How many."
)
@AS_JSON
@click.pass_context
def search(context: click.Context, query: tuple[str, ...], room: str, limit: int, as_json: bool) -> None:
    """Print the latest messages that QUERY finds.

    QUERY is words, "phrases", from:NICK, in:#ROOM, before:DATE, after:DATE, has:file and has:link.
    """
    from chatd.client.cli.ask import run_search  # noqa: PLC0415

    options = options_of(context, *([room] if room else []))
    context.exit(run_search(options, " ".join(query), room, limit, as_json=as_json))


@click.command()
@AS_JSON
@click.pass_context
def rooms(context: click.Context, as_json: bool) -> None:
    """List the rooms there are."""
    from chatd.client.cli.ask import run_rooms  # noqa: PLC0415

    context.exit(run_rooms(options_of(context), as_json=as_json))


@click.command()
@click.argument("room")
@AS_JSON
@click.pass_context
def who(context: click.Context, room: str, as_json: bool) -> None:
    """List the members of ROOM."""
    from chatd.client.cli.ask import run_who  # noqa: PLC0415

    context.exit(run_who(options_of(context, room), room, as_json=as_json))


@click.command()
@click.option(
    "--seconds",
    type=click.FloatRange(0.2, 30),
    default=2.0,
    show_default=True,
    metavar="N",
    help="How long to listen.",
)
@AS_JSON
@click.pass_context
def servers(context: click.Context, seconds: float, as_json: bool) -> None:
    """List the servers that announce themselves on the local network.

    Each line has what to write for --server, what the server calls itself, and its page for browsers. Write
    --server lan for the only one.
    """
    from chatd.client.cli.running import complain  # noqa: PLC0415 - it imports Twisted
    from chatd.client.cli.servers import look_around, run_servers  # noqa: PLC0415
    from chatd.client.cli.stdout import write_out  # noqa: PLC0415

    profile, folder = context.obj
    found = look_around(profile, folder, seconds)
    if not found and not as_json:
        complain("no server announces itself on the local network")
    context.exit(run_servers(found, write_out, as_json=as_json))


COMMANDS: Final = (history, search, rooms, servers, who)
