"""Restart: dozens of readers and 2,000 messages a second while another daemon takes over, in three ways."""

import os
import time
from collections.abc import Callable
from statistics import median

from bench.common import BenchError, Scale
from bench.guests import Party, Reader, Sender
from bench.house import House
from bench.paced import quantile
from bench.process import raise_file_limit
from bench.results import Result, Row, Target

SENDERS = 8
P99 = Target(2.0, least=False)
GOAL = Target(1.0, least=False)

CALM = 0.5
"""Seconds of load before and after each restart."""


def run(scale: Scale) -> Result:
    """Measure the longest silence that each reader notices in each restart."""
    raise_file_limit()
    result = Result("restart")
    for name, handed, restart in WAYS:
        silences, phases = _measure(scale, handed, restart)
        what = f"{scale.size(48, 4)} readers, {scale.size(2000, 100)} messages/s, {name}"
        values = sorted(silence for each in silences for silence in each)
        result.rows += [
            Row(what, "chatd", "s longest silence, p99", (quantile(values, 0.99),), P99),
            Row(what, "chatd", "s longest silence, median", (quantile(values, 0.5),), GOAL),
        ]
        load = os.getloadavg()[0]
        result.notes += [f"{name}, from the order on: {_told(phases)}; load average at the end {load:.1f}"]
    return result


def _measure(
    scale: Scale, handed: bool, restart: Callable[[House, Party], None]
) -> tuple[list[list[float]], list[dict[str, float]]]:
    house = House(scale.folder, handed)
    try:
        house.launch()
        house.await_listening()
        readers = [Reader(house.port, f"reader{number}") for number in range(scale.size(48, 4))]
        rate = scale.size(2000, 100) / SENDERS
        senders = [Sender(house.port, f"sender{number}", rate) for number in range(SENDERS)]
        party = Party(readers, senders)
        party.run(lambda: all(guest.inside for guest in party.everybody))
        for sender in senders:
            sender.speaking = True
        _pass(party, CALM)
        silences, phases = [], []
        for _ in range(scale.size(4 * scale.rounds, 1)):
            taken, phase = _restart(house, party, restart)
            silences.append(taken)
            phases.append(phase)
        for sender in senders:
            sender.speaking = False
        party.run(lambda: all(sender.done for sender in senders))
        sent = sum(sender.sent for sender in senders)
        party.run(lambda: all(sum(reader.last.values()) == sent for reader in readers))
        if any(len(reader.last) != SENDERS for reader in readers):
            raise BenchError("a reader has not heard everybody")
        party.close()
    finally:
        house.close()
    return silences, phases


def _restart(
    house: House, party: Party, restart: Callable[[House, Party], None]
) -> tuple[list[float], dict[str, float]]:
    for reader in party.readers:
        reader.silence = 0.0
    before = [guest.welcomes for guest in party.everybody]
    begin = time.time()
    restart(house, party)
    party.run(
        lambda: all(
            guest.inside and guest.welcomes > then
            for guest, then in zip(party.everybody, before, strict=True)
        )
    )
    _pass(party, CALM)
    return [reader.silence for reader in party.readers], house.phases(begin)


def _pass(party: Party, seconds: float) -> None:
    end = time.monotonic() + seconds
    party.run(lambda: time.monotonic() >= end)


def _upgrade(house: House, party: Party) -> None:
    asking = house.ask_upgrade()
    party.run(lambda: asking.poll() is not None)
    if asking.returncode:
        raise BenchError(f"the daemon did not hand over: {house.end_of_log}")
    party.run(house.stopped)


def _stop_and_start(house: House, party: Party) -> None:
    house.terminate()
    party.run(house.stopped)
    house.launch()


WAYS = (
    ("chatctl upgrade", False, _upgrade),
    ("a restart with systemd's socket", True, _stop_and_start),
    ("a plain restart", False, _stop_and_start),
)


def _told(phases: list[dict[str, float]]) -> str:
    names = list(dict.fromkeys(name for phase in phases for name in phase))
    parts = [
        f"{name} {median([phase[name] for phase in phases if name in phase]) * 1e3:.0f} ms" for name in names
    ]
    return ", ".join(parts)
