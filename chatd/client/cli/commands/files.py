"""The commands about files, and about what was interrupted."""

from typing import Final

import click

from chatd.client.cli.commands.options import AS_JSON, options_of


@click.command()
@click.argument("room")
@click.argument("files", nargs=-1, required=True, metavar="FILE...")
@click.option("--caption", metavar="TEXT", default="", help="What to say about the first FILE.")
@AS_JSON
@click.pass_context
def put(context: click.Context, room: str, files: tuple[str, ...], caption: str, as_json: bool) -> None:
    """Post FILES in ROOM; succeed when all are. The same command again goes on where one was cut off."""
    from chatd.client.cli.put import run  # noqa: PLC0415

    context.exit(run(options_of(context, room), room, files, caption, as_json=as_json))


@click.command()
@click.argument("room")
@click.argument("which", metavar="SEQ|ID")
@click.option("--output", "-o", metavar="PATH", default="", help="Where to: a folder, or a new file's name.")
@click.option("--force", is_flag=True, help="Replace the file that -o names.")
@AS_JSON
@click.pass_context
def get(context: click.Context, room: str, which: str, output: str, force: bool, as_json: bool) -> None:
    """Get the file of event SEQ in ROOM, or the newest whose SHA-256 begins with ID; print its path."""
    from chatd.client.cli.get import run  # noqa: PLC0415
    from chatd.client.cli.which import which_file  # noqa: PLC0415

    options = options_of(context, room)
    context.exit(run(options, room, which_file(which), output, force=force, as_json=as_json))


@click.command()
@click.option(
    "--send",
    is_flag=True,
    help="Send what waits for the server that was here before, or in a free session of yours.",
)
@click.option("--drop", is_flag=True, help="Delete it, and what has come of interrupted files.")
@click.pass_context
def waiting(context: click.Context, send: bool, drop: bool) -> None:
    """List what waits for servers that are not served now, or in other sessions, and what was interrupted.

    Nothing of it is sent or dropped by itself.
    """
    from chatd.client.cli.left import run  # noqa: PLC0415
    from chatd.client.core.problems import ClientError  # noqa: PLC0415

    if send and drop:
        raise ClientError("bad-options", "Either --send or --drop.")
    context.exit(run(options_of(context), send=send, drop=drop))


COMMANDS: Final = (put, get, waiting)
