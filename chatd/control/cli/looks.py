"""chatctl status, who and rooms."""

from collections.abc import Iterator
from pathlib import Path
from typing import Final, TypeVar

import click
import msgspec
from msgspec import Struct

from chatd.control.cli.asking import Answer, folder_of
from chatd.control.cli.completing import rooms as complete_rooms
from chatd.control.cli.options import as_json, asking, where
from chatd.control.cli.tables import Column, table, width_of_output, wrapped
from chatd.control.cli.words import duration, moment, rate, size
from chatd.control.messages import Ask, AskBans, AskRooms, AskStatus, AskWho
from chatd.control.rows import BanRow, Connected, RoomRow, StatusReport, Times
from chatd.ops.words import counted, escape
from chatd.wire.names import SERVER

R = TypeVar("R", bound=Struct)

LABEL: Final = 12
"""Cells of the labels of a report."""


@click.command("status")
@asking
@as_json
def status(data: str | None, config: str | None, as_json: bool) -> None:
    """Say how the daemon is: who is there, how fast it goes, what it waits for, what it holds back."""
    answer = Answer(folder_of(data, config), AskStatus())
    for raw in answer:
        if as_json:
            click.echo(bytes(raw))
        else:
            for line in report(msgspec.json.decode(raw, type=StatusReport)):
                click.echo(line)


@click.command("who")
@asking
@as_json
@where
def who(data: str | None, config: str | None, as_json: bool, where: tuple[str, ...]) -> None:
    """List who is connected, with what is known of each connection.

    The keys of --where are the names of the fields in the output of --json.
    """
    rows = rows_of(folder_of(data, config), AskWho(where=list(where)), Connected, as_json=as_json)
    rows.sort(key=lambda row: (row.nick.casefold(), row.connection))
    show(WHO, rows, "connections")


@click.command("rooms")
@asking
@as_json
@where
def rooms(data: str | None, config: str | None, as_json: bool, where: tuple[str, ...]) -> None:
    """List the rooms, the busiest first. Logs of direct messages are only counted, by status."""
    rows = rows_of(folder_of(data, config), AskRooms(where=list(where)), RoomRow, as_json=as_json)
    rows.sort(key=lambda row: (-row.rate, row.room))
    show(ROOMS, rows, "rooms")


@click.command("bans")
@click.option("--room", default="", metavar="ROOM", shell_complete=complete_rooms, help="Those from a room.")
@asking
@as_json
@where
def bans(data: str | None, config: str | None, as_json: bool, where: tuple[str, ...], room: str) -> None:
    """List the addresses that are banned from the server, or who is banned from a room."""
    asked = AskBans(room=room, where=list(where))
    rows = rows_of(folder_of(data, config), asked, BanRow, as_json=as_json)
    show(BANS, rows, "bans")


def rows_of(folder: Path, asked: Ask, kind: type[R], *, as_json: bool) -> list[R]:
    """Return the rows of an answer; as JSON they are printed at once, and nothing is left to show."""
    rows = []
    for raw in Answer(folder, asked):
        if as_json:
            click.echo(bytes(raw))
        else:
            rows.append(msgspec.json.decode(raw, type=kind))
    if as_json:
        raise click.exceptions.Exit(0)
    return rows


def show(columns: tuple[Column, ...], rows: list[R], what: str) -> None:
    """Print ``rows`` as a table, or that there are none."""
    if not rows:
        click.echo(f"no {what}", err=True)
        return
    for line in table(columns, rows, width_of_output()):
        click.echo(line)


def _whose(row: Connected) -> str:
    return "operator" if row.operator else "account" if row.account else "guest" if row.nick else ""


WHO: Final = (
    Column("conn", lambda row: str(row.connection), 19, right=True),
    Column("nick", lambda row: row.nick, 20, least=10),
    Column("is", _whose, 13),
    Column("address", lambda row: row.address, 18),
    Column("relay", lambda row: row.relay, 7, least=12),
    Column("state", lambda row: "" if row.state == "live" else row.state, 17),
    Column("tls", lambda row: row.tls, 8),
    Column("up", lambda row: duration(row.since), 14, right=True),
    Column("trip", lambda row: duration(row.round_trip), 15, right=True),
    Column("silence", lambda row: duration(row.silence), 16, right=True),
    Column("lag", lambda row: str(row.lag) if row.lag else "", 17, right=True),
    Column("rooms", lambda row: str(row.rooms), 5, right=True),
    Column("in", lambda row: size(row.bytes_in), 10, right=True),
    Column("out", lambda row: size(row.bytes_out), 11, right=True),
    Column("held", lambda row: row.held, 12, least=10),
    Column("session", lambda row: str(row.session or ""), 6, right=True),
    Column("software", lambda row: row.software, 4, least=8),
    Column("listener", lambda row: row.listener, 3, least=10),
    Column("protocol", lambda row: row.protocol, 2),
)

BANS: Final = (
    Column("whom", lambda row: row.whom, 9),
    Column("ends in", lambda row: "never" if row.left is None else duration(row.left), 8, right=True),
    Column("since", lambda row: "" if row.since is None else moment(row.since), 5),
    Column("by", lambda row: "the server" if row.by == SERVER else row.by, 6),
    Column("reason", lambda row: row.reason, 7, least=12),
)

ROOMS: Final = (
    Column("room", lambda row: row.room, 9, least=12),
    Column("kind", lambda row: row.kind, 6),
    Column("members", lambda row: str(row.members), 7, right=True),
    Column("followers", lambda row: str(row.followers), 5, right=True),
    Column("head", lambda row: str(row.head), 4, right=True),
    Column("on disk", lambda row: size(row.bytes), 6, right=True),
    Column("kept from", lambda row: str(row.first), 1, right=True),
    Column("recent", lambda row: size(row.recent), 2, right=True),
    Column("events/s", lambda row: rate(row.rate), 8, right=True),
)


# ---- the report of status ---------------------------------------------------------------------------------


def report(status: StatusReport) -> Iterator[str]:
    """Yield the lines that tell people of ``status``."""
    width = min(width_of_output() or 100, 120)
    for label, text in _facts(status):
        begin, hanging = f"{label:<{LABEL}}", " " * LABEL
        yield from wrapped(escape(text), width, initial_indent=begin, subsequent_indent=hanging)


def _facts(status: StatusReport) -> Iterator[tuple[str, str]]:
    draining = ", draining" if status.draining else ""
    yield "chatd", f"{status.version}, up {duration(status.uptime)}, process {status.pid}{draining}"
    yield "data", f"{status.data}, server {status.server}"
    yield "connections", _listed({"": status.connections} | _but_live(status)) + _waiting(status)
    for name, count in sorted(status.listeners.items()):
        yield "", f"{count} on {name or 'a listener without a name'}"
    yield "people", f"{counted(status.users, 'user')}, {counted(status.sessions, 'session')}"
    yield "rooms", f"{status.rooms}, and {counted(status.direct, 'log')} of direct messages"
    yield (
        "since start",
        (f"{status.messages} messages in, {status.events} events, {status.deliveries} deliveries"),
    )
    yield "rates", f"{'':14}{'1 s':>12}{'1 min':>12}{'15 min':>12}"
    for name, row in status.rates.items():
        form = size if name.startswith("bytes") else rate
        words = "".join(f"{form(value):>12}" for value in (row.second, row.minute, row.quarter))
        yield "", f"{name.replace('_', ' '):<14}{words} /s"
    yield "commits", _times(status.commit_seconds) + f", {status.failed_commits} failed"
    yield "", f"the disk takes {_times(status.sync_seconds)}"
    sizes = status.commit_events
    yield "", f"events in one: {sizes.mean:.1f} on average, p99 {sizes.p99:.0f}, most {sizes.most:.0f}"
    yield "stalls", f"longest {duration(status.longest_stall)}"
    troubles = {
        "the clock was set": status.clock_steps,
        "lines missing in the log": status.dropped_lines,
        "connections without a file descriptor": status.failed_accepts,
    }
    if any(troubles.values()):
        yield "troubles", _listed({name: count for name, count in troubles.items() if count})
    yield "memory", size(status.memory)
    if status.store_size is not None:
        free, wal = size(status.store_free), size(status.store_wal)
        yield "database", f"{size(status.store_size)}, of which {free} are free; write-ahead log {wal}"
    if status.files is not None:
        moving = f"{status.uploads} uploads and {status.downloads} downloads under way"
        yield "files", f"{status.files} of {size(status.file_bytes)}; {moving}"
    if status.ended:
        yield "ended", _listed(status.ended)
    if status.refused:
        yield "refused", _listed(status.refused)
    yield "limited", status.limited[0] if status.limited else "nothing"
    for line in status.limited[1:]:
        yield "", line


def _but_live(status: StatusReport) -> dict[str, int]:
    return {name: count for name, count in status.states.items() if name != "live"}


def _waiting(status: StatusReport) -> str:
    words = f", {status.waiting} wait for their PROXY header" if status.waiting else ""
    return words + (f", {status.lagging} lag behind" if status.lagging else "")


def _listed(counts: dict[str, int]) -> str:
    return ", ".join(f"{count} {name}".strip() for name, count in counts.items())


def _times(times: Times) -> str:
    if not times.number:
        return "none yet"
    mean, p99, most = (duration(value) for value in (times.mean, times.p99, times.most))
    return f"{times.number}: {mean} on average, 99 % within {p99}, longest {most}"
