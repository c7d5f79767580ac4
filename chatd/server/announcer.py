"""The announcer: says by multicast DNS that the daemon is there, from a thread of its own.

The package waits and looks names up, so none of it runs on the reactor. There is one crossing: what is to be
said goes to the thread, and what became of that comes back, by two calls that may be made at any time.
"""

import asyncio
import secrets
import selectors
import socket
from collections.abc import Callable, Iterable
from contextlib import suppress
from threading import Condition, Thread
from typing import TYPE_CHECKING, Any, Final

from twisted.internet.defer import Deferred

from chatd.lan.announcement import SERVICE, Announcement
from chatd.lan.multicast import open_zeroconf, places
from chatd.lan.places import Place
from chatd.ops.log import Log
from chatd.ops.settings import LanConfig
from chatd.server.announcing import Open, Saying, saying

if TYPE_CHECKING:
    from zeroconf.asyncio import AsyncServiceInfo, AsyncZeroconf

log = Log(__name__)

LOOK: Final = 10.0
"""Seconds between two looks at the addresses of this machine, which networks give and take; and, where
announcing has failed, before it is tried again."""

PATIENCE: Final = 3.0
"""Seconds that a stop waits for the goodbye: it takes a quarter of one."""

NOWHERE: Final = "No listener can be reached from other machines, so there is nothing to announce."


_Told = tuple[Saying | None, bool, bool]
"""What is to be announced, whether that is the end, and whether a goodbye is said then."""


class Announcer:
    """Announces what `use` was told last, until it is stopped. ``reactor`` hears what became of it."""

    def __init__(self, reactor: Any, machine: Callable[[], str] = socket.gethostname) -> None:
        self._reactor = reactor
        self._machine = machine
        self._voice: _Voice | None = None
        self._told: Saying | None = None

    def use(self, lan: LanConfig, listeners: list[Open]) -> None:
        """Announce what ``lan`` wants and ``listeners`` allow from now on, or nothing."""
        wanted = saying(lan, listeners, self._machine()) if lan.announce else None
        if lan.announce and wanted is None:
            log.warn("announce-failed", NOWHERE)
        if wanted is None and self._voice is None:
            return
        if self._voice is None:
            self._voice = _Voice(self._reactor.callFromThread)
        if wanted != self._told:
            self._told = wanted
            self._voice.say(wanted)

    async def stop(self, *, goodbye: bool) -> None:
        """End; with a ``goodbye`` those on the network forget the daemon at once.

        Without one a successor can go on under the same name.
        """
        voice, self._voice, self._told = self._voice, None, None
        if voice is not None:
            with suppress(TimeoutError):
                await voice.end(goodbye=goodbye).addTimeout(PATIENCE, self._reactor, _gave_up)


def _gave_up(_: object, __: float) -> None:
    """Go on without: who hangs is told nothing, and others find out by knocking."""


class _Voice:
    """The thread, and what it is to say. All with two underscores runs in it; ``call`` is the way back."""

    def __init__(self, call: Callable[..., object]) -> None:
        self._call = call
        self._told: _Told = (None, False, True)
        self._changed = Condition()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._news = asyncio.Event()
        self._goodbye = True
        self._complaint = ""
        self._spoken: _Spoken | None = None
        self._beginning: asyncio.Task[_Spoken] | None = None
        self._done: Deferred[None] = Deferred()
        Thread(target=self._run, name="announcer", daemon=True).start()

    def say(self, wanted: Saying | None) -> None:
        """Announce what is ``wanted``, and nothing else any more."""
        self._tell((wanted, False, True))

    def end(self, *, goodbye: bool) -> "Deferred[None]":
        """Announce nothing any more; the Deferred fires when the thread ends."""
        self._tell((None, True, goodbye))
        return self._done

    def _tell(self, told: "_Told") -> None:
        with self._changed:
            self._told = told
            self._changed.notify()
            loop = self._loop
        if loop is not None:
            loop.call_soon_threadsafe(self._hear)

    # ---- in the thread ------------------------------------------------------------------------------

    def _hear(self) -> None:
        self._news.set()
        if self._beginning is not None:
            self._beginning.cancel()

    def _run(self) -> None:
        loop = self._open_loop()
        if loop is not None:
            loop.set_exception_handler(lambda _, context: self._fail(context.get("exception")))
            try:
                loop.run_until_complete(self._speak())
            except BaseException as error:  # noqa: BLE001 - nobody else hears of it
                self._fail(error)
            loop.close()
        self._call(self._done.callback, None)

    def _open_loop(self) -> asyncio.AbstractEventLoop | None:
        """Return the loop of this thread once there are descriptors for it; None if it is over by then."""
        while True:
            try:
                _see_descriptors()
                loop = asyncio.new_event_loop()
            except OSError as error:
                self._fail(error)
                loop = None
            with self._changed:
                if loop is None and not self._told[1]:
                    self._changed.wait(LOOK)
                if loop is not None or self._told[1]:
                    self._loop = loop
                    return loop

    async def _speak(self) -> None:
        """Say what is wanted until it is over, whatever goes wrong: a stop waits for the end."""
        while True:
            self._news.clear()
            wanted, over, self._goodbye = self._told
            try:
                await self._turn_to(wanted)
            except Exception as error:  # noqa: BLE001 - the package raises what it likes; it is tried again
                self._fail(error)
            if over:
                return
            with suppress(TimeoutError):
                await asyncio.wait_for(self._news.wait(), LOOK if wanted else None)

    async def _turn_to(self, wanted: Saying | None) -> None:
        """Say what is ``wanted`` at the addresses that there are, and nothing else any more."""
        here = () if wanted is None else wanted.places(places())
        spoken = self._spoken
        if spoken is not None and (spoken.saying, spoken.places) != (wanted, here):
            self._spoken = None
            await spoken.end(goodbye=self._goodbye)
            self._call(log.info, "announce-ended")
        if self._spoken is None and wanted is not None and here:
            self._spoken = await self._begin(wanted, here)

    async def _begin(self, wanted: Saying, here: tuple[Place, ...]) -> "_Spoken | None":
        """Say it, which takes two seconds; return None if something else is wanted by then."""
        self._beginning = asyncio.ensure_future(_Spoken.begin(wanted, here))
        try:
            spoken = await self._beginning
        except asyncio.CancelledError:
            return None
        finally:
            self._beginning = None
        self._complaint = ""
        addresses = " ".join(place.address for place in here)
        self._call(log.info, "announced", name=spoken.name, listen=addresses)
        return spoken

    def _fail(self, error: BaseException | None) -> None:
        """Tell why it could not be said, once."""
        text = f"{type(error).__name__}: {error}"
        if text != self._complaint:
            self._complaint = text
            self._call(log.warn, "announce-failed", "Nothing can be announced on the network.", error=text)


def _see_descriptors() -> None:
    """Raise `OSError` unless there are those of a loop: one that finds none leaves a half that complains."""
    with selectors.DefaultSelector():
        one, other = socket.socketpair()
        one.close()
        other.close()


def records(one: Announcement, at: Iterable[Place]) -> "AsyncServiceInfo":
    """Return what DNS is to tell of ``one``, which is reached ``at`` these places.

    The host is nobody else's: where somebody has our name already, only that of the service is changed.
    """
    from zeroconf.asyncio import AsyncServiceInfo  # noqa: PLC0415 - an extra

    return AsyncServiceInfo(
        SERVICE,
        f"{one.name}.{SERVICE}",
        port=one.port,
        properties=one.properties,
        server=f"chatd-{secrets.token_hex(6)}.local.",
        parsed_addresses=[place.address for place in at],
    )


class _Spoken:
    """One announcement that is on the network."""

    def __init__(self, said: Saying, at: tuple[Place, ...], over: "AsyncZeroconf") -> None:
        self.saying = said
        self.places = at
        self.name = said.announcement.name
        self._over = over

    @classmethod
    async def begin(cls, said: Saying, at: tuple[Place, ...]) -> "_Spoken":
        """Say it; under another name where somebody else has this one."""
        spoken = cls(said, at, open_zeroconf(at))
        info = records(said.announcement, at)
        try:
            await (await spoken._over.async_register_service(info, allow_name_change=True))
        except BaseException:
            await spoken._over.async_close()
            raise
        spoken.name = info.name.removesuffix(f".{SERVICE}")
        return spoken

    async def end(self, *, goodbye: bool) -> None:
        """Say it no longer."""
        if not goodbye:
            known = self._over.zeroconf.registry
            known.async_remove(known.async_get_service_infos())
        await self._over.async_close()
