"""Deliveries: each hook is told all events of its room, in order, from its cursor on.

The cursor is durable, and moves when the receiver has said that it has them: so nothing is lost while either
side is away, and what was in between comes twice. Each hook has one POST under way, of some events.
"""

import json
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from twisted.internet.defer import Deferred
from twisted.internet.task import LoopingCall
from twisted.python.failure import Failure

from chatd import __version__
from chatd.chat.hook import Hook
from chatd.chat.state import Room
from chatd.ops.log import Log
from chatd.server.server import Server
from chatd.webhooks.pace import delay, is_hopeless
from chatd.webhooks.seams import DeliveryError, Sender
from chatd.webhooks.signing import sign
from chatd.wire.limits import PAGE_BYTES
from chatd.wire.names import SERVER
from chatd.wire.stored import text_of

log = Log(__name__)

LOOK: Final = 0.25
"""Seconds between two looks at what has grown."""

MOST: Final = 100
"""Events of one POST."""

AT_ONCE: Final = 100
"""POSTs that are under way at the same time, of all hooks."""

_GOOD: Final = range(200, 300)


@dataclass(slots=True, eq=False)
class _Course:
    """How one hook fares: ``asked`` is its POST under way, ``soonest`` the second before the next one."""

    busy: bool = False
    asked: "Deferred[int] | None" = None
    failures: int = 0
    soonest: float = 0.0


class Deliveries:
    """Tells the hooks of ``server`` what is said, by what ``make_sender`` makes once there is one."""

    def __init__(
        self, server: Server, make_sender: Callable[[], Sender], chance: Callable[[], float] = random.random
    ) -> None:
        self._server = server
        self._make_sender = make_sender
        self._chance = chance
        self._sender: Sender | None = None
        self._courses: dict[Hook, _Course] = {}
        self._loop = LoopingCall(self._look)
        self._loop.clock = server.clock

    def start(self) -> None:
        """Begin."""
        self._loop.start(LOOK, now=False).addErrback(lambda failure: log.failure("hook-fault", failure))

    def stop(self) -> None:
        """End. What is under way comes again when the daemon is back."""
        if self._loop.running:
            self._loop.stop()
        for course in list(self._courses.values()):
            if course.asked is not None:
                course.asked.cancel()
        if self._sender is not None:
            self._sender.stop()

    def _look(self) -> None:
        try:
            self._begin_all()
        except Exception:  # noqa: BLE001 - a fault must not end the loop; it is logged
            log.failure("hook-fault", None)

    def _begin_all(self) -> None:
        """Begin with those that are due, whoever was told last the last."""
        server = self._server
        hooks = server.hub.world.hooks
        if not hooks or server.draining or server.committer.broken or not self._loop.running:
            return  # what no disk keeps is told by nobody again and again
        now = server.clock.seconds()
        for hook in [hook for hook in self._courses if hooks.get(hook.row.id) is not hook]:
            if not self._courses[hook].busy:
                del self._courses[hook]
        free = AT_ONCE - sum(course.busy for course in self._courses.values())
        due = (hook for hook in hooks.values() if self._is_due(hook, now))
        for hook in sorted(due, key=lambda one: self._course(one).soonest)[:free]:
            self._begin(hook)

    def _course(self, hook: Hook) -> _Course:
        return self._courses.setdefault(hook, _Course())

    def _is_due(self, hook: Hook, now: float) -> bool:
        if hook.posts or hook.row.off:
            return False
        if self._server.hub.world.rooms_by_id[hook.row.room].log.head <= hook.row.cursor:
            return False
        course = self._courses.get(hook)
        return course is None or (not course.busy and course.soonest <= now)

    def _begin(self, hook: Hook) -> None:
        """Read what comes next, and post it."""
        course = self._course(hook)
        course.busy = True
        room = self._server.hub.world.rooms_by_id[hook.row.room]
        first = max(hook.row.cursor + 1, room.log.first)
        last = min(room.log.head, first + MOST - 1)

        def read(events: Sequence[bytes] | None) -> None:
            told = Deferred.fromCoroutine(self._tell(hook, course, room, first, events))
            told.addErrback(self._fault, course)

        if first > last:  # nothing of it is kept any more
            read(())
        else:
            self._server.reads.read(room.log, first, last, PAGE_BYTES, False, read)

    def _fault(self, failure: Failure, course: _Course) -> None:
        course.busy, course.asked = False, None
        course.failures += 1
        course.soonest = self._server.clock.seconds() + delay(course.failures, self._chance())
        log.failure("hook-fault", failure)

    async def _tell(
        self, hook: Hook, course: _Course, room: Room, first: int, events: Sequence[bytes] | None
    ) -> None:
        server, row = self._server, hook.row
        if events is None or (not events and first <= room.log.head):
            course.busy = False
            course.soonest = server.clock.seconds() + 1.0  # the disk cannot be read, or has just let go of it
            return
        last = first + len(events) - 1
        body = body_of(hook.row.name, room.name, row.cursor + 1, first, events)
        timestamp = server.wall() // 1000
        headers = {
            "Content-Type": "application/json",
            "User-Agent": f"chatd/{__version__}",
            "Chatd-Timestamp": str(timestamp),
            "Chatd-Signature": sign(row.secret, timestamp, body),
        }
        if self._sender is None:
            self._sender = self._make_sender()
        trouble = ""
        try:
            course.asked = self._sender.post(row.url, headers, body)
            status = await course.asked
        except DeliveryError as error:
            trouble = str(error)
        else:
            if status not in _GOOD:
                trouble = f"it answered {status}"
        course.busy, course.asked = False, None
        if not self._loop.running or server.hub.world.hooks.get(row.id) is not hook:
            return
        if trouble:
            self._failed(hook, course, room, trouble)
        else:
            self._done(hook, course, room, last)

    def _done(self, hook: Hook, course: _Course, room: Room, last: int) -> None:
        server = self._server
        server.counters.hook_deliveries["delivered"] += 1
        if hook.row.failing:
            log.info("hook-mended", "A hook is told what is said again.", room=room.name, hook=hook.row.name)
        course.failures, course.soonest, hook.trouble = 0, server.clock.seconds(), ""
        server.hub.change(hook.row._replace(cursor=max(last, hook.row.cursor), failing=0))
        server.clock.callLater(0, self._look)

    def _failed(self, hook: Hook, course: _Course, room: Room, trouble: str) -> None:
        server, now = self._server, self._server.hub.world.calendar.now
        server.counters.hook_deliveries["failed"] += 1
        course.failures += 1
        course.soonest = server.clock.seconds() + delay(course.failures, self._chance())
        hook.trouble = trouble
        row = hook.row
        days = server.current.config.hooks.give_up_days
        if not row.failing:
            log.warn("hook-failed", f"A hook cannot be told: {trouble}.", room=room.name, hook=row.name)
            server.hub.change(row._replace(failing=max(1, now)))
        elif is_hopeless(row.failing, now, days):
            log.warn("hook-off", f"A hook is given up: {trouble}.", room=room.name, hook=row.name)
            server.hub.change(row._replace(off=1))
            text = (
                f"The hook {row.name} is off: for {days:g} days it could not be told what is said here "
                f"({trouble}). The owner of the room can drop it and make it again."
            )
            server.hub.world.post(room, "announce", SERVER, server.wall(), text)
            server.hub.call()


def body_of(hook: str, room: str, wanted: int, first: int, events: Sequence[bytes]) -> bytes:
    """Return what is posted: stored ``events`` from ``first`` on, and the gap if ``wanted`` comes before."""
    head: dict[str, Any] = {"hook": hook, "room": room}
    if wanted < first:
        head["gap"] = {"first": wanted, "last": first - 1}
    texts = b",".join(bytes(text_of(stored)) for stored in events)
    return json.dumps(head, ensure_ascii=False).encode()[:-1] + b', "events": [' + texts + b"]}"
