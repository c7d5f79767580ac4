"""Servers that announce themselves on the local network, found by a client on another host."""

import json
import signal
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from tests.end_to_end.harness.certificates import make_certificate
from tests.end_to_end.harness.processes import script
from tests.network.lab.chat import PORT, WEB_PORT, Daemon
from tests.network.lab.machine import why_no_namespaces
from tests.network.lab.programs import Program
from tests.network.lab.segment import Segment

pytestmark = pytest.mark.skipif(bool(why_no_namespaces()), reason=why_no_namespaces() or "-")

SECURE_PORT = 7412
GHOST_PORT = 7999

TRIES = 5

OFFICE = f"""
[[listen]]
endpoint = "tcp:{WEB_PORT}"
protocol = "web"
[lan]
announce = true
name = "Office"
"""

SHOP = f"""
[[listen]]
endpoint = "tcp:{SECURE_PORT}"
certificate = "{{certificate}}"
key = "{{key}}"
[lan]
announce = true
name = "Shop"
host = "shop.example"
"""


class Visitor:
    """Somebody with a chatc on one of the hosts."""

    def __init__(self, host, folder):
        self._host = host
        self._state = folder / "state"
        self._state.mkdir()

    async def chatc(self, *arguments):
        """Run it in a pipe; return its exit status, its lines, and what it complained of."""
        program = Program(
            self._host, *script("chatc"), "--nick", "ann", *arguments, XDG_STATE_HOME=str(self._state)
        )
        await program.start()
        status = await program.finish()
        await program.kill()
        return status, [line.text for line in program.out], " ".join(line.text for line in program.err)

    async def servers(self, *answering):
        """Return what it lists, by the names of the servers, once those ``answering`` are those that do.

        On a busy machine one may be slow to answer; one that is gone must not answer at any time.
        """
        for _ in range(TRIES):
            status, lines, complaint = await self.chatc("servers", "--json", "--seconds", "1.5")
            assert (status, complaint) == (0, "")
            found = {one["name"]: one for one in map(json.loads, lines)}
            there = {name for name, one in found.items() if one["answers"]}
            assert there <= set(answering)
            if there == set(answering):
                break
        return found


async def test_servers_are_found_without_an_address():
    with TemporaryDirectory(prefix="chatd-nearby-") as folder:
        async with Segment("nearby", "client", "office", "shop") as segment:
            await play(segment, Path(folder))


async def play(segment, folder):
    certificate, key = make_certificate(folder, "shop.example")
    client = segment["client"]
    client.etc.mkdir(parents=True)
    (client.etc / "hosts").write_text(f"{segment['shop'].address} shop.example\n")
    office = Daemon(segment["office"], folder / "office", OFFICE)
    shop = Daemon(segment["shop"], folder / "shop", SHOP.format(certificate=certificate, key=key))
    watcher = Program(client, sys.executable, "-m", "tests.network.lab.watcher")
    ghost = Program(
        segment["office"], sys.executable, "-m", "tests.network.lab.watcher", "Ghost", str(GHOST_PORT)
    )
    programs = (watcher, office, shop, ghost)
    try:
        for one in programs:
            await one.start()
        for name in ("Office", "Shop", "Ghost"):
            await watcher.await_said(watcher.out, rf"\+ {name}$")
        for one in (office, shop):
            await one.await_said(one.out, " announced ")
        await meet(Visitor(client, folder), segment, office, certificate)
        await leave(watcher, shop, folder)
        assert not [*office.faults(), *shop.faults()]
    finally:
        for one in programs:
            await one.kill()


async def meet(ann, segment, office, certificate):
    """Both servers are found, and the one that is killed is there no longer though it said no goodbye."""
    there = await ann.servers("Office", "Shop")
    plain = f"{segment['office'].address}:{PORT}"
    assert there["Office"] == {
        "name": "Office",
        "server": plain,
        "host": segment["office"].address,
        "port": PORT,
        "tls": False,
        "page": f"http://{segment['office'].address}:{WEB_PORT}/",
        "answers": True,
        "known": False,
    }
    assert there["Shop"]["server"] == f"tls://shop.example:{SECURE_PORT}"
    assert there["Shop"]["answers"]
    assert not there["Ghost"]["answers"]

    status, _, complaint = await ann.chatc("--server", "lan", "rooms")
    assert status == 1
    assert f'name one of them with --server: {plain} ("Office"), tls://shop.example' in complaint

    await office.kill()  # SIGKILL: nothing says goodbye
    assert (await ann.servers("Shop"))["Shop"]["answers"]

    # The only one is taken, and has to be who it says: its name is verified as if somebody had typed it.
    status, _, complaint = await ann.chatc("--server", "lan", "rooms")
    assert status == 1
    assert 'going to "Shop" at tls://shop.example:7412' in complaint
    assert "certificate" in complaint
    status, _, complaint = await ann.chatc("--server", "lan", "--ca", str(certificate), "rooms")
    assert (status, complaint) == (0, f'chatc: going to "Shop" at tls://shop.example:{SECURE_PORT}')
    assert (await ann.servers("Shop"))["Shop"]["known"]


async def leave(watcher, shop, folder):
    """A reload ends and begins the announcement, and a stop says goodbye: records would stay for an hour."""
    config = folder / "shop" / "chatd.toml"
    announced = config.read_text()
    config.write_text(announced.replace("announce = true", "announce = false"))
    shop.signal(signal.SIGHUP)
    gone = await watcher.await_said(watcher.out, "- Shop$")
    config.write_text(announced)
    shop.signal(signal.SIGHUP)
    back = await watcher.await_said(watcher.out, r"\+ Shop$", gone.at)
    shop.signal(signal.SIGTERM)
    await watcher.await_said(watcher.out, "- Shop$", back.at)
    assert await shop.finish() == 0
