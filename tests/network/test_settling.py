"""``--server HOST`` names no way: natively, else by wss, and what worked is remembered while it does."""

import asyncio
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from tests.end_to_end.harness.certificates import make_certificate
from tests.end_to_end.harness.processes import script
from tests.end_to_end.harness.typist import Typist
from tests.network.lab.chat import PORT, PROXY_PORT, Daemon, Tinyproxy
from tests.network.lab.machine import why_no_namespaces, why_no_proxy
from tests.network.lab.namespaces import Network
from tests.network.lab.programs import PATIENCE, Program, until

pytestmark = [
    pytest.mark.skipif(bool(why_no_namespaces()), reason=why_no_namespaces() or "-"),
    pytest.mark.skipif(bool(why_no_proxy()), reason=why_no_proxy() or "-"),
]

HOST = "server.example"
SECURE_PORT = 443

WEB = f"""
[[listen]]
endpoint = "tcp:{SECURE_PORT}"
protocol = "web"
certificate = "{{}}"
key = "{{}}"
"""


class Person:
    """Somebody on the client's host, with a profile of their own."""

    def __init__(self, network, folder, nick, ca):
        self._host = network.client
        self._state = folder / f"{nick}.state"
        self._state.mkdir()
        self._options = ("--server", HOST, "--ca", str(ca), "--nick", nick)

    async def say(self, text, **environment):
        """Say it in #a from a pipe, until the server has it; return what chatc complained of."""
        program = self._program("send", "#a", text, **environment)
        await program.start()
        assert await program.finish() == 0, program.err
        await program.kill()
        return [line.text for line in program.err]

    async def try_to_say(self, until, **environment):
        """Begin to say something, until chatc says the line ``until``; return what it complained of."""
        program = self._program("send", "#a", "in vain", **environment)
        await program.start()
        await program.await_said(program.err, until)
        await program.kill()
        return [line.text for line in program.err]

    def sit_down(self):
        """Open a conversation at a terminal."""
        wrapper = f'exec ip netns exec {self._host.name} "$@"'
        return Typist(self._state, *self._options, wrapper=wrapper, columns=120)

    def _program(self, *words, **environment):
        more = {"XDG_STATE_HOME": str(self._state), **environment}
        return Program(self._host, *script("chatc"), *self._options, *words, **more)


async def test_the_way_that_works_is_taken_and_remembered():
    with TemporaryDirectory(prefix="chatd-settling-") as folder:
        async with Network("settling") as network:
            await play(network, Path(folder))


async def play(network, folder):
    certificate, key = make_certificate(folder, HOST)
    for host in (network.client, network.proxy):
        host.etc.mkdir(parents=True)
        (host.etc / "hosts").write_text(f"{network.server.address} {HOST}\n")
    daemon = Daemon(network.server, folder / "daemon", WEB.format(certificate, key))
    proxy = Tinyproxy(network.proxy, folder, SECURE_PORT)
    ann, ben = (Person(network, folder, nick, certificate) for nick in ("ann", "ben"))
    try:
        await daemon.start()
        await proxy.start()
        await at_home(daemon, ann)
        await in_the_office(network, daemon, ann, ben)
        await at_home_again(network, daemon, ben)
        assert not daemon.faults()
    finally:
        await proxy.kill()
        await daemon.kill()


async def came_in(daemon, nick, protocol):
    """See that the one who came last is ``nick``, and how; the log tells of it a moment later."""

    def last():
        return [(one.fields["nick"], one.fields["protocol"]) for one in daemon.events("client-in")][-1:]

    await until(lambda: last() == [(nick, protocol)], PATIENCE)
    assert last() == [(nick, protocol)]


async def at_home(daemon, ann):
    """Whoever is new goes natively where that works."""
    assert not await ann.say("at home")
    await came_in(daemon, "ann", "native")


async def in_the_office(network, daemon, ann, ben):
    """Nothing leads out but a proxy, and that to port 443 alone."""
    way_out = {"HTTPS_PROXY": f"http://{network.proxy.address}:{PROXY_PORT}"}
    going = f"chatc: nobody answers at {HOST}:{PORT}; going by wss://{HOST}"
    await network.drop("-s", network.client.address, "-d", network.server.address)
    assert await ben.say("in the office", **way_out) == [going]
    await came_in(daemon, "ben", "web")
    assert not await ben.say("in the office again", **way_out)  # it is remembered

    # Who is known natively stays who they are: a program is told how, a person without a proxy finds nobody.
    told = await ann.try_to_say("to go there write", **way_out)
    assert told[0].endswith(f"to go there write --server wss://{HOST} --same-as {HOST}")
    assert not [one for one in daemon.events("client-in") if one.fields["nick"].startswith("ann_")]


async def at_home_again(network, daemon, ben):
    """What was remembered is given up where it works no longer, but not for plain text by itself."""
    await network.drop_nothing()
    assert not await ben.say("at home, as in the office")
    await came_in(daemon, "ben", "web")

    await network.server.exec(
        *("iptables", "-w", "-I", "INPUT", "-p", "tcp", "--dport", str(SECURE_PORT)),
        *("-j", "REJECT", "--reject-with", "tcp-reset"),
    )
    told = await ben.try_to_say("to go there write")
    assert told[0].endswith(f"at {HOST}:{PORT}, in plain text; to go there write --server {HOST}:{PORT}")
    await network.server.exec("iptables", "-w", "-F", "INPUT")


async def test_a_person_is_asked_who_they_are_by_the_other_way():
    with TemporaryDirectory(prefix="chatd-asked-") as folder:
        async with Network("asked") as network:
            await ask(network, Path(folder))


async def ask(network, folder):
    certificate, key = make_certificate(folder, HOST)
    network.client.etc.mkdir(parents=True)
    (network.client.etc / "hosts").write_text(f"{network.server.address} {HOST}\n")
    daemon = Daemon(network.server, folder / "daemon", WEB.format(certificate, key))
    ann = Person(network, folder, "ann", certificate)
    try:
        await daemon.start()
        await ann.say("natively")
        await network.drop("-d", network.server.address, "-p", "tcp", "--dport", str(PORT))
        typist = ann.sit_down()
        try:
            await asyncio.to_thread(typist.await_line, r"\[y/N\]")
            typist.type("y\n")
            await asyncio.to_thread(typist.await_line, "connected to")
            await came_in(daemon, "ann", "web")
            typist.type("/quit\n")
            await asyncio.to_thread(typist.wait)
        finally:
            typist.close()
        # Both ways are known now: a program takes the one that works, with nobody to ask.
        assert not await ann.say("by wss")
        await came_in(daemon, "ann", "web")
        assert not daemon.faults()
    finally:
        await daemon.kill()
