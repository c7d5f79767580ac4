"""chatctl explain and trace."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Final

import click
import msgspec

from chatd.chat.names import USER_SIGN
from chatd.control.cli.asking import Answer, folder_of
from chatd.control.cli.completing import nicks, rooms
from chatd.control.cli.options import as_json, asking
from chatd.control.cli.tables import Column, table, width_of_output, wrapped
from chatd.control.cli.words import duration, moment, size
from chatd.control.messages import AskExplain, AskTrace
from chatd.control.rows import Traced, TraceRow
from chatd.ops.words import counted, escape
from chatd.server.life import Life
from chatd.wire.errors import EXPLANATIONS, CloseReason
from chatd.wire.names import fold


@click.command("explain")
@click.argument("whom", metavar="NICK|ADDRESS|CONNECTION", shell_complete=nicks)
@asking
@as_json
def explain(data: str | None, config: str | None, as_json: bool, whom: str) -> None:
    """Tell of the last 50 connections of a nick, of an address, or with a number: why each has ended.

    What is kept of them outlives restarts, for 30 days at the most.
    """
    lives = []
    for raw in Answer(folder_of(data, config), AskExplain(whom=whom)):
        if as_json:
            click.echo(bytes(raw))
        else:
            lives.append(msgspec.json.decode(raw, type=Life))
    if as_json:
        return
    for line in told(lives, width_of_output(), whom):
        click.echo(line)


def told(lives: list[Life], width: int | None, whom: str) -> Iterator[str]:
    """Yield the lines that tell people of ``lives``: a table, and what the reasons in it mean.

    The nick is left out where it is in all of them ``whom`` they have asked for.
    """
    asked = fold(whom.removeprefix(USER_SIGN))
    known = all(fold(life.nick) == asked for life in lives)
    yield from table([column for column in LIVES if column.title != "nick" or not known], lives, width)
    reasons = {life.reason: None for life in lives if life.reason}
    if reasons:
        yield ""
    for reason in reasons:
        meaning = EXPLANATIONS[CloseReason(reason)] if reason in list(CloseReason) else "of another version"
        yield from wrapped(escape(f"{reason}: {meaning}"), width)
    codes = {code: None for life in lives for code in life.refusals}
    if codes:
        yield from wrapped(escape(f"codes: {', '.join(codes)}; docs/PROTOCOL.md explains them"), width)


def trip_course(life: Life) -> str:
    """Return the round trip at the beginning, at its longest and at the end of ``life``."""
    trips = [trip for _, trip in life.trips]
    if not trips:
        return ""
    marks = [trips[0], max(trips), trips[-1]]
    return "/".join(_milliseconds(trip) for trip in marks) + " ms"


def _milliseconds(seconds: float) -> str:
    shown = round(seconds * 1000, 1)
    return f"{shown:.0f}" if shown >= FULL else f"{shown:g}"


FULL: Final = 10
"""From so many milliseconds on no tenths are shown."""

LIVES: Final = (
    Column("began", lambda life: moment(life.began), 20),
    Column("conn", lambda life: str(life.connection), 15, right=True),
    Column("up", lambda life: duration(life.duration), 18, right=True),
    Column("ended", lambda life: life.reason or "(is up)", 19),
    Column("session", lambda life: life.resume, 16),
    Column("nick", lambda life: life.nick, 17, least=8),
    Column("address", lambda life: life.address, 11, least=12),
    Column("relay", lambda life: life.relay, 4, least=12),
    Column("trip", trip_course, 14),
    Column("missed", lambda life: str(life.missed or ""), 12, right=True),
    Column("slowed", lambda life: str(life.slowed or ""), 9, right=True),
    Column("lag", lambda life: str(life.lag or ""), 8, right=True),
    Column(
        "refused",
        lambda life: ", ".join(f"{count} {code}" for code, count in life.refusals.items()),
        13,
        least=10,
    ),
    Column("in", lambda life: size(life.bytes_in), 6, right=True),
    Column("out", lambda life: size(life.bytes_out), 7, right=True),
    Column("tls", lambda life: life.tls, 3),
    Column("software", lambda life: life.software, 5, least=8),
    Column("listener", lambda life: life.listener, 2, least=10),
)


@click.command("trace")
@click.argument("room", shell_complete=rooms)
@click.argument("seq", type=click.IntRange(1))
@asking
@as_json
def trace(data: str | None, config: str | None, as_json: bool, room: str, seq: int) -> None:
    """Tell what became of event SEQ of ROOM: when it was on disk, and which devices of members have it."""
    rows = []
    traced: Traced | None = None
    for raw in Answer(folder_of(data, config), AskTrace(room=room, seq=seq)):
        if as_json:
            click.echo(bytes(raw))
        elif traced is None:
            traced = msgspec.json.decode(raw, type=Traced)
        else:
            rows.append(msgspec.json.decode(raw, type=TraceRow))
    if traced is None:
        return
    for line in wrapped(escape(_traced(traced)), width_of_output()):
        click.echo(line)
    if rows:
        for line in table(DEVICES, rows, width_of_output()):
            click.echo(line)


def _traced(traced: Traced) -> str:
    begin = f"event {traced.seq} of {traced.room}, whose last is {traced.head}"
    if traced.sealed is None or traced.committed is None:
        return f"{begin}: on disk; the time is known of the last 1000 commits only"
    took = duration((traced.committed - traced.sealed) / 1000)
    when = (
        datetime.fromtimestamp(traced.committed / 1000, UTC).astimezone().isoformat(timespec="milliseconds")
    )
    events = counted(traced.events, "event")
    return f"{begin}: on disk at {when}, {took} after it was taken in, {events} in that commit"


DEVICES: Final = (
    Column("nick", lambda row: row.nick, 9, least=8),
    Column("session", lambda row: str(row.session), 4, right=True),
    Column("conn", lambda row: str(row.connection or ""), 5, right=True),
    Column("event", lambda row: row.state, 8),
    Column("cursor", lambda row: "" if row.cursor is None else str(row.cursor), 6, right=True),
    Column("unsent", lambda row: size(row.unsent), 3, right=True),
    Column("unacknowledged", lambda row: size(row.unacknowledged), 7, right=True),
)
