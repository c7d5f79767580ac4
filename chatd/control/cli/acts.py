"""chatctl kick, appoint, ban, unban, mute, unmute, announce, log-level, drain, reload and upgrade."""

import re
from typing import Any, Final

import click
import msgspec

from chatd.control import messages as m
from chatd.control.cli.asking import Answer, folder_of, said
from chatd.control.cli.completing import banned, nicks, rooms
from chatd.control.cli.options import as_json, asking
from chatd.ops.differences import Report
from chatd.ops.words import escape

SUCCESSION: Final = 90.0
"""Seconds to wait for a new program to be ready; the daemon itself gives it 60."""

_UNITS: Final = {"s": 1, "min": 60, "m": 60, "h": 3600, "d": 86_400}


def span(_ctx: object, _param: object, value: str | None) -> int | None:
    """Return the seconds that a time such as 30s, 10min, 2h or 7d stands for."""
    if value is None:
        return None
    match = re.fullmatch(r"(\d{1,9})(s|min|m|h|d)", value)
    if match is None:
        raise click.BadParameter("a time is a number with its unit: 30s, 10min, 2h or 7d.")
    return int(match[1]) * _UNITS[match[2]]


_room = click.option("--room", default="", metavar="ROOM", shell_complete=rooms, help="The room.")
_reason = click.option("--reason", default="", metavar="TEXT", help="Why; those whom it concerns see it.")
_for = click.option("--for", "seconds", callback=span, metavar="TIME", help="For how long; else for good.")


def _do(data: str | None, config: str | None, asked: m.Ask) -> None:
    click.echo(escape(said(Answer(folder_of(data, config), asked))))


@click.command("kick")
@click.argument("who", metavar="NICK|CONNECTION", shell_complete=nicks)
@_room
@_reason
@asking
def kick(data: str | None, config: str | None, who: str, room: str, reason: str) -> None:
    """Remove NICK from a room; without --room, end all sessions of NICK, or the one of a CONNECTION.

    Who has an account has to log in again, a guest to begin anew. CONNECTION is a number that who shows.
    """
    _do(data, config, m.AskKick(whom=who, room=room, reason=reason))


@click.command("appoint")
@click.argument("nick", metavar="NICK")
@_room
@asking
def appoint(data: str | None, config: str | None, nick: str, room: str) -> None:
    """Make NICK, a member, the owner of a room, as where the last owner has gone."""
    _do(data, config, m.AskAppoint(whom=nick, room=room))


@click.command("ban")
@click.argument("whom", metavar="NICK|ADDRESSES", shell_complete=nicks)
@_room
@_reason
@_for
@click.option("--force", is_flag=True, help="Ban even a network larger than /8, or /16 of IPv6.")
@asking
def ban(
    data: str | None, config: str | None, whom: str, room: str, reason: str, seconds: int | None, force: bool
) -> None:
    """Keep NICK or ADDRESSES (192.0.2.0/24) out of a room; without --room, ADDRESSES out of the server.

    Who is connected from there is sent away. Bans from the server outlive restarts; chatctl bans lists them.
    """
    _do(data, config, m.AskBan(whom=whom, room=room, reason=reason, seconds=seconds or 0, force=force))


@click.command("unban")
@click.argument("whom", metavar="NICK|ADDRESSES", shell_complete=banned)
@_room
@asking
def unban(data: str | None, config: str | None, whom: str, room: str) -> None:
    """Take the ban of NICK or ADDRESSES from a room back; without --room, that from the server."""
    _do(data, config, m.AskUnban(whom=whom, room=room))


@click.command("mute")
@click.argument("nick", shell_complete=nicks)
@_room
@_reason
@_for
@asking
def mute(
    data: str | None, config: str | None, nick: str, room: str, reason: str, seconds: int | None
) -> None:
    """Let NICK not speak in a room."""
    _do(data, config, m.AskMute(whom=nick, room=room, reason=reason, seconds=seconds or 0))


@click.command("unmute")
@click.argument("nick", shell_complete=nicks)
@_room
@asking
def unmute(data: str | None, config: str | None, nick: str, room: str) -> None:
    """Let NICK speak in a room again."""
    _do(data, config, m.AskUnmute(whom=nick, room=room))


@click.command("announce")
@click.argument("text")
@_room
@asking
def announce(data: str | None, config: str | None, text: str, room: str) -> None:
    """Let the server itself say TEXT: to everybody who is connected, or in a room, where it stays."""
    _do(data, config, m.AskAnnounce(text=text, room=room))


@click.command("log-level")
@click.argument("namespace")
@click.argument("level", type=click.Choice(["debug", "info", "warn", "error", "critical", "configured"]))
@asking
def log_level(data: str | None, config: str | None, namespace: str, level: str) -> None:
    """Log what the modules NAMESPACE say from LEVEL on, until the daemon ends: chatd.server, for example.

    "configured" goes back to what the configuration says.
    """
    chosen: Any = "" if level == "configured" else level
    _do(data, config, m.AskLogLevel(namespace=namespace, level=chosen))


@click.command("drain")
@click.option("--over", callback=span, metavar="TIME", help="The time over which clients come back.")
@asking
def drain(data: str | None, config: str | None, over: int | None) -> None:
    """End the daemon as SIGTERM does: what was accepted is kept, and clients are told when to come back."""
    _do(data, config, m.AskDrain(over=over))


@click.command("reload")
@asking
@as_json
def reload(data: str | None, config: str | None, as_json: bool) -> None:
    """Read the configuration again, as SIGHUP does: all of it is in force then, or nothing was changed."""
    for raw in Answer(folder_of(data, config), m.AskReload()):
        if as_json:
            click.echo(bytes(raw))
            continue
        report = msgspec.json.decode(raw, type=Report)
        for words, keys in (
            ("in force now", report.applied),
            ("listened on now", report.added),
            ("listened on no longer", report.removed),
            ("needs a restart", report.restart),
        ):
            if keys:
                click.echo(escape(f"{words}: {', '.join(keys)}"))
        if not (report.applied or report.added or report.removed or report.restart):
            click.echo("nothing has changed")


@click.command("upgrade")
@asking
def upgrade(data: str | None, config: str | None) -> None:
    """Start the daemon's program anew, as it is installed now, and let that take over.

    The listeners stay open and nobody is refused. If the new one does not become ready nothing has happened.
    """
    click.echo(escape(said(Answer(folder_of(data, config), m.AskUpgrade(), SUCCESSION))))
