"""One scene: a network, a daemon, a client behind the fault and one near the server, and what happens."""

import asyncio
import re
import sys
import time
from collections import Counter
from itertools import pairwise
from statistics import median
from typing import Final

from tests.network.cases import Case, Phase
from tests.network.lab.chat import PORT, PROXY_PORT, WEB_PORT, Chatter, Daemon, Heard, Logged, Tinyproxy
from tests.network.lab.namespaces import Host, LabError, Network
from tests.network.lab.programs import PATIENCE, Line, Program, until
from tests.network.lab.setup import MEMORY, Setup
from tests.network.measured import Measured

START: Final = 0.7
"""Seconds in which a client that starts is not disturbed by others that start."""

WARM: Final = 3.0
"""Seconds of talk before the cut."""

AFTER: Final = 4.0
"""Seconds of talk after service is back, for relapses."""

RETURN: Final = 45.0
"""Seconds after the heal in which service must be back for the case to have an end."""

SETTLE: Final = 40.0
"""Seconds for all that was said to be heard; a link that was slow has much to bring."""


class Scene(Setup):
    """The hosts and programs of one case."""

    def __init__(
        self, case: Case, phase: Phase, outage: float, tag: str, starting: asyncio.Semaphore
    ) -> None:
        super().__init__(Network(tag), "net", MEMORY)
        self.case = case
        self._starting = starting
        self.measured = Measured(case.name, phase.value, outage, run=case.run)
        self._helpers: list[Program] = []
        self._hushed = self._away = 0.0

    async def _set_up(self) -> None:
        self._lay_names()
        await self.heal_router()
        self._make_programs()
        self._stack.push_async_callback(self.end_helpers)

    def _lay_names(self) -> None:
        etc = self.network.client.etc
        etc.mkdir(parents=True, exist_ok=True)
        (etc / "hosts").write_text(f"127.0.0.1 localhost\n{self.network.server.address} chat.test\n")
        (etc / "resolv.conf").write_text("nameserver 127.0.0.1\n")

    def _make_programs(self) -> None:
        network, folder = self.network, self.folder
        proxied = f"http://{network.proxy.address}:{PROXY_PORT}" if self.case.proxied else ""
        host = "chat.test" if self.case.by_name else network.server.address
        more = f'[[listen]]\nendpoint = "tcp:{WEB_PORT}"\nprotocol = "web"\n' if self.case.web else ""
        self.daemon = Daemon(network.server, folder / "daemon", more)
        self.near = Chatter(network.server, folder, "near", f"127.0.0.1:{PORT}")
        self.far = Chatter(network.client, folder, "far", self._place(host), proxied)
        self.proxy = Tinyproxy(network.proxy, folder)
        for program in (self.daemon, self.proxy, self.near, self.far):
            self._stack.push_async_callback(program.kill)

    def _place(self, host: str) -> str:
        return f"ws://{host}:{WEB_PORT}" if self.case.web else f"{host}:{PORT}"

    # ---- what faults need ---------------------------------------------------------------------------

    async def heal_router(self) -> None:
        """Let the router forward what it does without a fault."""
        await self.network.drop_nothing()
        if self.case.proxied:  # Nothing goes around the proxy.
            await self.network.drop("-s", self.network.client.address, "-d", self.network.server.address)

    async def helper(self, host: Host, *command: str) -> None:
        """Start a program that belongs to a fault, and wait until it is ready."""
        program = Program(host, *command)
        self._helpers.append(program)
        await program.start()
        await program.await_said(program.out, "ready")

    async def talk_plainly(self) -> None:
        """Let lines go over a plain socket on the same link."""
        server, plain = self.network.server, (sys.executable, "-m", "tests.network.lab.plain")
        await self.helper(server, *plain, "say", str(PORT + 1), str(self.case.rate))
        await self.helper(self.network.client, *plain, "hear", server.address, str(PORT + 1))

    def note_lateness(self) -> None:
        """Note how late messages come, and lines over a plain socket on the same link."""
        if not self.case.alive:
            return
        far, plain = self.far, [line for one in self._helpers for line in one.out]
        heard = [one.at - self.near.said[one.number - 1] for one in far.heard() if one.by == "near"]
        lines = [float(line.text.split()[1]) for line in plain if line.text.startswith("late ")]
        self.measured.lateness = [round(median(heard or [0.0]), 2), round(max(heard, default=0.0), 2)]
        self.measured.plain = [round(median(lines), 2), round(max(lines), 2)] if lines else []

    async def end_helpers(self) -> None:
        """End the programs that belong to a fault."""
        for program in self._helpers:
            self.measured.accepted += sum(line.text == "accepted" for line in program.out)
            await program.kill()
        self._helpers.clear()

    def far_port(self) -> str:
        """Return the port of the far client's present connection."""
        return self._far_events("client-in")[-1].fields["peer"].rpartition(":")[2]

    def _far_events(self, name: str, since: float = 0.0) -> list[Logged]:
        return [one for one in self.daemon.events(name, since) if one.fields.get("nick") == "far"]

    # ---- the course of events -----------------------------------------------------------------------

    async def set_up(self, phase: Phase) -> None:
        """Start everything that is there before the cut."""
        async with self._starting:
            await self.daemon.start()
            if self.case.proxied:
                await self.proxy.start()
            await self._join(self.near)
            if phase is Phase.CONNECTED:
                await self._join(self.far)

    async def _join(self, client: Chatter) -> None:
        await client.start()
        await client.await_said(client.err, "connected to")
        client.talk(self.case.rate)

    async def play(self, phase: Phase) -> Measured:
        """Cut, wait, heal, and see what became of it."""
        if phase is Phase.CONNECTED:
            await self._warm_up()
            cut = time.monotonic()
            await self.case.fault.cut(self)
            self._away = time.monotonic()
        else:
            await self.case.fault.cut(self)
            cut = self._away = await self._start_late()
        await asyncio.sleep(max(0.0, cut + self.measured.outage - time.monotonic()))
        self.note_lateness()
        await self.case.fault.heal(self)
        healed = time.monotonic()
        await until(lambda: self._served(healed), RETURN)
        await asyncio.sleep(AFTER)
        await self._settle()
        self._note(cut, healed)
        return self.measured

    async def _start_late(self) -> float:
        """Start the far client, and return when it began to be."""
        async with self._starting:
            begin = time.monotonic()
            await self.far.start()
            self.far.talk(self.case.rate)
            await asyncio.sleep(START)
        return begin

    async def _warm_up(self) -> None:
        far = self.far
        if not await until(lambda: {"far", "near"} <= {one.by for one in far.heard()}, PATIENCE):
            raise LabError(f"{self.measured.key}: no talk before the cut")
        await asyncio.sleep(WARM)

    def _served(self, since: float) -> float | None:
        """Return when a message of each client that was said after ``since`` had come to the far one."""
        first = [
            next((one.at for one in self.far.heard() if self._is_later(one, since, speaker)), None)
            for speaker in (self.far, self.near)
        ]
        return None if None in first else max(at for at in first if at is not None)

    @staticmethod
    def _is_later(heard: Heard, since: float, speaker: Chatter) -> bool:
        return heard.by == speaker.nick and speaker.said[heard.number - 1] >= since

    async def _settle(self) -> None:
        both = (self.far, self.near)
        self._hushed = time.monotonic()
        for client in both:
            await client.hush()
        await until(lambda: not any(self._missing(client) for client in both), SETTLE)
        ends = await asyncio.gather(*(client.finish() for client in both))
        self.measured.ended_well = set(ends) == {0}

    # ---- what was seen ------------------------------------------------------------------------------

    def _missing(self, client: Chatter) -> int:
        """Return how many messages the client should have heard but has not."""
        heard = client.heard()
        missing = 0
        for speaker in (self.far, self.near):
            numbers = {one.number for one in heard if one.by == speaker.nick}
            # The far client joins while the near one is talking already: what was said before is not missed.
            begin = min(numbers, default=1) if speaker is not client and client is self.far else 1
            missing += len(set(range(begin, len(speaker.said) + 1)) - numbers)
        return missing

    @staticmethod
    def _doubled(client: Chatter) -> int:
        times = Counter((one.by, one.number) for one in client.heard())
        return sum(count - 1 for count in times.values())

    @staticmethod
    def _disordered(client: Chatter) -> int:
        heard = client.heard()
        wrong = sum(after.seq <= before.seq for before, after in pairwise(heard))
        for nick in ("far", "near"):
            numbers = [one.number for one in heard if one.by == nick]
            wrong += sum(after <= before for before, after in pairwise(numbers))
        return wrong

    def _note(self, cut: float, healed: float) -> None:
        found, far = self.measured, self.far
        served, back = self._served(self._away), self._served(healed)
        found.served = since(cut, served)
        found.back = since(healed, back)
        found.suspected = since(cut, *times(far.quiet(cut)))
        found.failures = [round(line.at - cut, 2) for line in far.failed(cut)]
        found.waits = [_wait(line) for line in far.failed(cut)]
        self._note_losses(cut, back)
        self._note_server(cut)
        clients = (far, self.near)
        found.said = sum(len(client.said) for client in clients)
        found.missing = sum(map(self._missing, clients))
        found.doubled = sum(map(self._doubled, clients))
        found.disordered = sum(map(self._disordered, clients))
        found.faults = self.daemon.faults() + [line.text for line in far.err if "Traceback" in line.text]
        found.lines = [f"{line.at - cut:+.2f} {line.text}" for line in far.err if line.at >= cut]

    def _note_losses(self, cut: float, back: float | None) -> None:
        found = self.measured
        lost, failed = self.far.lost(cut), self.far.failed(cut)
        noticed = min((*lost, *failed), key=lambda line: line.at, default=None)
        found.losses = len(lost)
        if noticed is not None:
            found.noticed = since(cut, noticed.at)
            found.reason = re.sub(
                r"^chatc: (lost|cannot connect to) \S+: |; retrying in .*", "", noticed.text
            )
        if back is not None:
            found.relapses = sum(line.at > back for line in lost)

    def _note_server(self, cut: float) -> None:
        found = self.measured
        out = [one for one in self._far_events("client-out", cut) if one.at < self._hushed]
        found.reaped = len(self._far_events("reaped", cut))
        if out and self.case.server_lives:
            found.server_noticed = since(cut, out[0].at)
            found.server_reason = out[0].fields["reason"]


def times(lines: list[Line]) -> list[float]:
    """Return when the lines were said."""
    return [line.at for line in lines]


def since(start: float, *at: float | None) -> float | None:
    """Return the seconds from ``start`` to the first of ``at``, None if there is none."""
    return None if not at or at[0] is None else round(at[0] - start, 2)


def _wait(line: Line) -> float:
    found = re.search(r"retrying in ([0-9.]+) s", line.text)
    return float(found[1]) if found else 0.0


async def play(case: Case, phase: Phase, outage: float, tag: str, starting: asyncio.Semaphore) -> Measured:
    """Set up one scene, play it, and remove everything; ``starting`` is held while programs start."""
    async with Scene(case, phase, outage, tag, starting) as scene:
        await scene.set_up(phase)
        return await scene.play(phase)
