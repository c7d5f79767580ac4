"""The laboratory itself: what it makes is there, and what it made is gone, whatever happened."""

import asyncio
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from tests.end_to_end.harness.processes import PYTHON, ROOT, environment
from tests.network import at_once, measured, report
from tests.network.cases import BY_NAME, CASES, Phase
from tests.network.judging import complaints, harm
from tests.network.lab.bad_link import Carrier
from tests.network.lab.machine import why_no_bad_links, why_no_namespaces
from tests.network.lab.namespaces import ETC, Network, leftovers
from tests.network.lab.programs import Program, until
from tests.network.measured import Measured

lab = pytest.mark.skipif(bool(why_no_namespaces()), reason=why_no_namespaces() or "-")


def _there(network: Network) -> list[str]:
    return [host.name for host in network.hosts if Path("/run/netns", host.name).exists()]


async def _lateness(network: Network, lines: int = 3) -> list[float]:
    """Return how late so many lines of the server come to the client."""
    plain = (sys.executable, "-m", "tests.network.lab.plain")
    say = Program(network.server, *plain, "say", "7412", "20")
    hear = Program(network.client, *plain, "hear", network.server.address, "7412")
    try:
        await say.start()
        await say.await_said(say.out, "ready")
        await hear.start()
        await until(lambda: len(hear.out) > lines, 10.0)
    finally:
        await hear.kill()
        await say.kill()
    return [float(line.text.split()[1]) for line in hear.out[1:]]


@lab
def test_hosts_reach_each_other_and_are_gone_afterwards():
    async def visit():
        async with Network("visit") as network:
            return network, await _lateness(network)

    network, late = asyncio.run(visit())
    assert len(late) >= 3
    assert not _there(network)


def test_only_coroutines_of_this_folder_are_played_at_once(request):
    """Those of Twisted's test cases are run by them."""
    played = {item.path.name for item in request.session.items if at_once.is_one(item)}
    assert played <= {"test_black_hole.py", "test_foreign_clients.py", "test_nearby.py", "test_settling.py"}


@lab
def test_networks_are_apart():
    async def visit():
        async with Network("one") as one, Network("two") as two:
            await one.client.ip("link set eth0 down")
            return await _lateness(two)

    assert asyncio.run(visit())


@lab
def test_a_failure_leaves_nothing_behind():
    kept = []

    async def fail():
        async with Network("fail") as network:
            network.client.etc.mkdir(parents=True)
            kept.append(await asyncio.create_subprocess_exec(*network.client.command("sleep", "60")))
            await asyncio.sleep(0.2)
            kept.append(network)
            raise ZeroDivisionError

    async def main():
        with pytest.raises(ZeroDivisionError):
            await fail()
        return await kept[0].wait()

    assert asyncio.run(main()) < 0
    assert not _there(kept[1])
    assert not (ETC / kept[1].client.name).exists()


@lab
def test_what_a_killed_process_left_is_swept_by_the_next():
    code = (
        "import asyncio, os, signal\n"
        "from tests.network.lab.namespaces import Network\n"
        "async def main():\n"
        "    async with Network('killed'):\n"
        "        os.kill(os.getpid(), signal.SIGKILL)\n"
        "asyncio.run(main())\n"
    )
    subprocess.run([PYTHON, "-c", code], cwd=ROOT, env=environment(), check=False)
    left = [name for name in leftovers() if "-killed-" in name]
    assert len(left) == 4
    subprocess.run(
        [PYTHON, "-c", "from tests.network.lab.namespaces import sweep; sweep()"],
        cwd=ROOT,
        env=environment(),
        check=True,
    )
    assert not [name for name in leftovers() if "-killed-" in name]


@lab
@pytest.mark.skipif(bool(why_no_bad_links()), reason=why_no_bad_links() or "-")
def test_a_bad_link_is_late():
    async def visit():
        async with Network("bad") as network:
            client, router = network.client, network.router
            module = (
                sys.executable,
                "-m",
                "tests.network.lab.bad_link",
                client.name,
                router.name,
                "0.2",
                "0",
            )
            link = Program(client, *module)
            try:
                await link.start()
                await link.await_said(link.out, "ready")
                await router.ip("link set bad0 up", f"route add {client.address}/32 dev bad0")
                await client.ip("link set bad0 up", f"route replace default dev bad0 src {client.address}")
                return await _lateness(network)
            finally:
                await link.kill()

    assert 0.2 <= min(asyncio.run(visit())) < 0.4


def test_a_bad_link_loses_the_same_each_time():
    def carried():
        loop = asyncio.new_event_loop()
        source, here = socket.socketpair(type=socket.SOCK_DGRAM)
        there, target = socket.socketpair(type=socket.SOCK_DGRAM)
        with source, here, there, target:
            here.setblocking(False)
            target.setblocking(False)
            carrier = Carrier(loop, 0.0, 0.3, seed=1)
            for number in range(100):
                source.send(b"%d" % number)
                carrier.carry(here.fileno(), there.fileno())
                loop.run_until_complete(asyncio.sleep(0))
                yield from _all(target)
        loop.close()

    def _all(end):
        while True:
            try:
                yield end.recv(16)
            except BlockingIOError:
                return

    first = list(carried())
    assert 55 <= len(first) <= 85
    assert first == list(carried())


def test_a_missed_figure_is_told():
    late = Measured(
        "client-cable", "connected", 15.0, 5.0, 8.1, back=3.1, ended_well=True, server_noticed=8.4
    )
    assert complaints(BY_NAME["client-cable"], Phase.CONNECTED, late) == [
        "the client suspected only after 5.00 s; 4 s are promised"
    ]


def test_a_lost_message_is_told():
    lost = Measured("server-hung", "before", 15.0, noticed=10.0, back=0.1, said=7, missing=1, ended_well=True)
    assert complaints(BY_NAME["server-hung"], Phase.BEFORE, lost) == ["1 messages missing of 7"]


def test_results_are_kept_beside_others(tmp_path):
    file = tmp_path / "kept.json"
    measured.write(file, [Measured("a", "before", 15.0), Measured("b", "before", 15.0, back=2.0)])
    measured.write(file, [Measured("b", "before", 15.0, back=1.0)])
    assert [(one.case, one.back) for one in measured.read(file)] == [("a", None), ("b", 1.0)]


def test_the_page_is_what_was_measured():
    assert report.page(measured.read(report.MEASURED)) == report.PAGE.read_text()


def test_no_run_did_harm():
    kept = measured.read(report.MEASURED)
    assert any(one.run for one in kept)
    wrong = {f"{one.key}-{one.run}": harm(BY_NAME[one.case], one) for one in kept}
    assert not {key: sentences for key, sentences in wrong.items() if sentences}


def test_every_case_was_measured():
    kept = {(one.case, one.phase) for one in measured.read(report.MEASURED)}
    assert kept == {(case.name, phase.value) for case in CASES for phase in case.phases}


def test_what_was_measured_is_as_promised():
    kept = measured.read(report.MEASURED)
    several = {one.key for one in kept if one.run}  # of which one run tells little
    kept = [one for one in kept if one.key not in several]
    wrong = {one.key: complaints(BY_NAME[one.case], Phase(one.phase), one) for one in kept}
    assert not {key: sentences for key, sentences in wrong.items() if sentences}
