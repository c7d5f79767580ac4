"""History: what a page of events with what they have become costs in a room where very much was edited.

The store is the real one, in this process, with its thread that reads, and the answer is made and encoded;
what is missing is the way to a client.
"""

import random
import time
from typing import Final

import msgspec

from bench.common import BenchError, Scale
from bench.paced import quantile
from bench.results import Result, Row, Target
from bench.stored import Stored, stored
from chatd.chat.changes.rows import PutEdit, PutReaction, PutReply, PutRoom
from chatd.chat.looked import Range, answer, fitting
from chatd.chat.storage import Changes
from chatd.wire.messages import Event
from chatd.wire.stored import pack

PAGE: Final = 50
USERS: Final = 200
TOGETHER: Final = 2000
"""Events in one commit."""

EMOJI: Final = ("👍", "🎉", "❤️", ":tea:", "😀")
SHARES: Final = {"edit": 30, "react": 10, "reply": 10, "say": 50}
"""What of a hundred events is done: the rest is said."""


def run(scale: Scale) -> Result:
    """Say, edit, and react very much; then read pages anywhere, and the newest again and again."""
    events = scale.size(1_000_000, 2000)
    pages = scale.size(2000, 20)
    with stored(scale) as store:
        edits = _live(store, events)
        chance = random.Random(2)
        anywhere = [_page(store, chance.randint(PAGE, events)) for _ in range(pages)]
        newest = [_page(store, events) for _ in range(pages)]
    what = f"page of {PAGE} with what it became, {events} events with {edits} edits"
    return Result("history", [*_rows(f"{what}, anywhere", anywhere), *_rows(f"{what}, the newest", newest)])


def _rows(what: str, pages: list[tuple[float, float]]) -> list[Row]:
    times, costs = (sorted(values) for values in zip(*pages, strict=True))
    return [
        Row(what, "chatd", "ms p50", (1e3 * quantile(times, 0.5),)),
        Row(what, "chatd", "ms p99", (1e3 * quantile(times, 0.99),), Target(10, least=False)),
        Row(what, "chatd", "ms CPU p50", (1e3 * quantile(costs, 0.5),)),
        Row(what, "chatd", "ms CPU p99", (1e3 * quantile(costs, 0.99),)),
    ]


def _live(store: Stored, events: int) -> int:
    """Fill a room with so many events; return how many edit an earlier one."""
    chance = random.Random(1)
    store.append(Changes(others=[PutRoom(1, "#a", "", 1)]))
    said: list[int] = []
    reacted: set[tuple[int, int, str]] = set()
    edits = 0
    kinds, shares = list(SHARES), list(SHARES.values())
    for first in range(1, events + 1, TOGETHER):
        made: list[Event] = []
        rows: list[PutEdit | PutReaction | PutReply] = []
        for seq in range(first, min(events, first + TOGETHER - 1) + 1):
            kind = chance.choices(kinds, shares)[0] if said else "say"
            user, ref = chance.randrange(1, USERS), chance.choice(said) if said else 0
            event = Event(
                room="#a", seq=seq, ts=1000 * seq, kind="message", by=f"u{user}", text=f"text {seq} " * 8
            )
            emoji = chance.choice(EMOJI)
            if kind == "edit":
                event = msgspec.structs.replace(event, kind="edit", ref=ref)
                rows.append(PutEdit(1, ref, seq))
                edits += 1
            elif kind == "react" and (user, ref, emoji) not in reacted:
                reacted.add((user, ref, emoji))
                event = msgspec.structs.replace(event, kind="react", ref=ref, text="", value=emoji)
                rows.append(PutReaction(1, user, ref, emoji, seq))
            else:
                said.append(seq)
                if kind == "reply":
                    event = msgspec.structs.replace(event, ref=ref, thread=ref)
                    rows.append(PutReply(1, seq, ref, ref))
            made.append(event)
        store.append(Changes(events=[(1, first, pack(made))], others=[*rows]))
    return edits


def _page(store: Stored, last: int) -> tuple[float, float]:
    """Return the seconds that a page takes that ends with event ``last``, and those of a processor."""
    begin, used = time.perf_counter(), time.process_time()
    looked = store.look(1, Range(1, last, PAGE, newest=True), 1)
    told = answer(1, looked, fitting(looked, newest=True), 1, more=True)
    size = len(msgspec.json.encode(told))
    taken = time.perf_counter() - begin, time.process_time() - used
    if len(told.events) != PAGE or not size:
        raise BenchError(f"a page has {len(told.events)} events")
    return taken
