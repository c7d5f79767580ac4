"""Everything that may hold the reactor of a full daemon, one after the other."""

import gc
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any

from bench.common import Scale
from bench.results import Result, Row, Target
from bench.turns import house
from bench.turns.daemon import House, begun
from bench.turns.house import Size, content, nick, token
from chatd.control import messages as control
from chatd.wire import messages as m
from chatd.wire.limits import MAX_ROOMS

BOUND = Target(20.0, least=False)
"""Milliseconds of CPU for which one request or timer may hold the reactor."""

SHOWN = 10.0
"""Milliseconds from which on a turn stands in the table."""

SMALL = Size(
    users=400,
    guests=100,
    online=60,
    devices=5,
    rooms=800,
    events=1000,
    files=10_000,
    held=100,
    acts=3000,
    invites=500,
)

HOUR = 3600.0

Step = tuple[str, Callable[[], Any]]


def run(scale: Scale) -> Result:
    """Measure the longest turn of everything, once each; ``--smoke`` in a small daemon."""
    turns: list[tuple[float, str]] = []
    size = SMALL if scale.smoke else Size()
    with tempfile.TemporaryDirectory(dir=scale.folder) as folder:
        began = time.monotonic()
        house.fill(Path(folder), size)
        full = House(Path(folder))
        _tell(f"built in {time.monotonic() - began:.0f} s")
        try:
            for name, step in _steps(full, size):
                full.reactor.begin()
                step()
                turns += _note(full, name)
        finally:
            full.stop()
    what = f"{len(turns)} requests and timers of a full daemon, the longest"
    result = Result("turns", [Row(what, "chatd", "ms CPU at once", (max(turns)[0],), BOUND)])
    result.rows += [
        Row(name, "chatd", "ms CPU at once", (took,)) for took, name in sorted(turns)[::-1] if took > SHOWN
    ]
    return result


def _note(full: House, name: str) -> list[tuple[float, str]]:
    """Tell which turns of a step were the longest, and return those, in milliseconds, with their names."""
    longest = sorted(((1000 * took, what) for what, took in full.reactor.longest.items()), reverse=True)
    shown = ", ".join(f"{took:.1f} {what}" for took, what in longest[:3])
    _tell(f"{name:36} {full.reactor.turns:7} turns, {full.reactor.total:6.2f} s CPU; ms: {shown}")
    return [(took, f"{name}: {what}") for took, what in longest]


def _tell(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


# ---- the steps --------------------------------------------------------------------------------------


def _steps(full: House, size: Size) -> Iterator[Step]:
    yield "the start, with sessions to expire", full.start
    yield "many sessions resume", lambda: _come_in(full, size)
    gc.collect()
    yield "a minute passes", lambda: full.reactor.skip(60, 1.0)
    yield "an hour passes, by minutes", lambda: full.reactor.skip(HOUR, 61.0)
    yield from _asked(full, size)
    yield from _commanded(full)
    yield "metrics", full.read_figures
    yield from _files(full)
    yield from _last(full)


def _come_in(full: House, size: Size) -> None:
    for session in range(1, size.online + 1):
        full.come_in(session, token(session), _host(session))
        if session % 1000 == 0:
            full.reactor.settle()
    for number in range(size.devices - 1):
        session = size.users + 1 + number
        full.come_in(session, token(session), "10.0.0.2")
    full.reactor.skip(2, 0.5)


def _host(session: int) -> str:
    return "192.168.0.1" if session == 1 else f"10.{session % 250}.0.1"


def _asked(full: House, size: Size) -> Iterator[Step]:
    """Yield the requests. User 1 owns #big, operates the server, and talks with all accounts."""
    chosen, known = size.online, size.files - 7
    said = size.events + size.guests + 1  # the first request's event, behind those of guests who have left
    first = size.rooms - size.accounts + 2
    requests: list[tuple[int, m.Message]] = [
        (1, m.Send(id=1, n=1, room="#big", text="x" * 1000)),
        (3, m.Send(id=1, n=1, room="@u1", text="x" * 1000)),
        (1, m.Send(id=1, n=2, room="@u4", text="x" * 1000)),
        (1, m.Edit(id=1, n=3, room="#big", seq=said, text="y" * 1000)),
        (1, m.React(id=1, n=4, room="#big", seq=said, emoji="\N{THUMBS UP SIGN}")),
        (1, m.Pin(id=1, room="#big", seq=said)),
        (1, m.Pins(id=1, room="#big")),
        (1, m.Look(id=1, room="#big", seqs=[*range(size.events - 100, size.events - 50)])),
        (1, m.Search(id=1, query="word")),
        (1, m.Search(id=1, query="word has:file", limit=200)),
        (2, m.Topic(id=1, room="#big", text="another")),
        (1, m.Read(id=1, room="#big", seq=size.events)),
        (1, m.ListRooms(id=1)),
        (1, m.ListRooms(id=1, after="#r5")),
        (2, m.ListRooms(id=1, after="#r5")),
        (1, m.Members(id=1, room="#big")),
        (1, m.Members(id=1, room="#big", after="u5")),
        (2, m.History(id=1, room="#big", limit=200)),
        (2, m.History(id=1, room="#big", after=1500, limit=200)),
        (3, m.Leave(id=1, room="#big")),
        (3, m.Join(id=1, room="#big")),
        (1, m.Leave(id=1, room=f"#r{MAX_ROOMS}")),
        (1, m.Join(id=1, room=f"#r{MAX_ROOMS + 50}")),
        (2, m.Leave(id=1, room=f"#r{MAX_ROOMS}")),
        (2, m.Join(id=1, room="#brand-new")),
        (2, m.Sessions(id=1)),
        (1, m.InviteTo(id=1, room=f"#r{first - 1}", whom="u7")),
        (7, m.Decline(id=1, room=f"#r{first - 1}")),
        (1, m.Role(id=1, room="#big", whom="u9", role="moderator")),
        (1, m.Role(id=1, room="#big", whom="u1", role="owner")),
        (1, m.Kick(id=1, room="#big", whom=nick(chosen))),
        (1, m.Unban(id=1, room="#big", whom="192.0.0.1/32")),
        (1, m.Ban(id=1, room="#big", whom=nick(chosen - 1))),
        (1, m.Unmute(id=1, room="#big", whom="u1001")),
        (1, m.Mute(id=1, room="#big", whom=nick(12))),
        (1, m.Acts(id=1, room="#big")),
        (1, m.Acts(id=1, room="#big", what="mute", after="@u1100")),
        (1, m.Set(id=1, room="#big", rule="history", value="since-join")),
        (1, m.Set(id=1, room="#big", rule="history", value="all")),
        (1, m.Remove(id=1, room="#big", seq=size.events)),
        (1, m.Nick(id=1, nick="boss")),
        (2, m.Nick(id=1, nick="second")),
        (21, m.Nick(id=1, nick="somebody")),
        (1, m.Block(id=1, whom="u30")),
        (1, m.Unblock(id=1, whom="u30")),
        (1, m.Allow(id=1, direct="shared")),
        (5, m.Send(id=1, n=1, room="@boss", text="a share is looked for")),
        (6, m.Invite(id=1)),
        (1, m.Certificates(id=1)),
    ]
    for who, asked in requests:
        yield _words(asked), lambda who=who, asked=asked: full.say(who, asked)
    yield (
        "200 x send",
        lambda: full.say(10, *(m.Send(id=n, n=n, room="#big", text="x" * 200) for n in range(1, 201))),
    )
    yield "16 x members", lambda: full.say(11, *(m.Members(id=n, room="#big") for n in range(1, 17)))
    yield "16 x list", lambda: full.say(13, *(m.ListRooms(id=n) for n in range(1, 17)))
    yield (
        "16 x history",
        lambda: full.say(14, *(m.History(id=n, room="#big", limit=200) for n in range(1, 17))),
    )
    yield "upload", lambda: full.say(1, m.Upload(id=9, transfer=1, size=5, sha256=sha256(b"new").hexdigest()))
    yield (
        "upload of what is here",
        lambda: full.say(1, m.Upload(id=9, transfer=2, size=5, sha256=content(known).sha256)),
    )
    yield (
        "download",
        lambda: full.say(1, m.Download(id=9, transfer=3, room="#files", file=content(known).sha256)),
    )
    yield "a connection is lost", lambda: full.run(full.ears[1].transport.abortConnection)
    yield "user 1 comes back", lambda: _back(full, 1)
    yield "presence of user 1", lambda: full.reactor.skip(3, 0.5)
    yield "a device of user 2 is lost", lambda: full.run(full.ears[size.users + 1].transport.abortConnection)
    yield "end", lambda: full.say(2, m.End(id=10, session=size.users + 2))
    yield "logout everywhere", lambda: full.say(2, m.Logout(id=11, everywhere=True))


def _back(full: House, session: int) -> None:
    full.come_in(session, token(session), _host(session))
    full.reactor.settle()


def _words(asked: Any) -> str:
    fields = [
        str(getattr(asked, name)) for name in asked.__struct_fields__ if name not in {"id", "text", "n"}
    ]
    told = " ".join(field[:20] for field in fields if field not in {"", "None", "[]", "False", "0"})
    return f"{asked.__struct_config__.tag} {told}"


def _commanded(full: House) -> Iterator[Step]:
    asked: list[control.Ask] = [
        control.AskStatus(id=1),
        control.AskWho(id=1),
        control.AskRooms(id=1),
        control.AskUserList(id=1),
        control.AskUserFind(id=1, nick="u77"),
        control.AskUserInvite(id=1),
        control.AskUserAdd(id=1, nick="newcomer", password="x"),
        control.AskExplain(id=1, whom="u1"),
        control.AskAnnounce(id=1, text="to everybody"),
        control.AskUserDisable(id=1, nick="u15"),
        control.AskKick(id=1, whom="u16"),
        control.AskUserDelete(id=1, nick="u17", erase=True),
    ]
    for one in asked:
        yield f"chatctl {_words(one)}", lambda one=one: full.command(one)
    yield "the erasure", lambda: full.reactor.skip(20, 0.5)


def _files(full: House) -> Iterator[Step]:
    yield "new limits for everybody", lambda: full.run(lambda: begun(full.server.renew_allowances()))


def _last(full: House) -> Iterator[Step]:
    yield "ban of 20,000 sessions", lambda: full.say(1, m.Ban(id=20, room="#big", whom="10.0.0.0/8"))
    yield "its sweep", lambda: full.reactor.skip(5, 0.5)
    yield "delete-room #big", lambda: full.say(1, m.DeleteRoom(id=21, room="#big"))
    yield "its sweep", lambda: full.reactor.skip(200, 10.0)
    yield "delete-user boss", lambda: full.command(control.AskUserDelete(id=1, nick="boss", erase=True))
    yield "its erasure", lambda: full.reactor.skip(20, 0.5)
    yield "drain", lambda: full.run(lambda: begun(full.drain()))
