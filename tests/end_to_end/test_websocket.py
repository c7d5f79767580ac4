"""WebSocket against a real daemon, as clients of another library speak it, in plain text and over TLS."""

import asyncio
import json
import os
import signal
import time
from contextlib import suppress
from functools import partial

import pytest
from websockets.asyncio.client import connect as dial
from websockets.exceptions import ConnectionClosed, InvalidStatus

from chatd.client.core.address import parse_address
from chatd.client.net.probe import speaks_web
from tests.end_to_end.harness.certificates import make_certificate, trusting
from tests.end_to_end.harness.forwarder import Forwarder
from tests.end_to_end.harness.processes import LOOPBACK, PATIENCE, Deadline, free_port, wait_gone
from tests.end_to_end.harness.proxies import Tinyproxy
from tests.end_to_end.test_succession import Standing

PAGE = "https://chat.example.org"
OTHER = "https://other.example.org"


class Visitor:
    """A person at a WebSocket; whoever comes in answers pings while waiting for something."""

    def __init__(self, socket):
        self.socket = socket
        self.said = 0

    async def say(self, **message):
        await self.socket.send(json.dumps(message))

    async def hear(self, kind, /, **fields):
        """Return the next message of a ``kind`` that has these ``fields``."""
        while True:
            message = json.loads(await asyncio.wait_for(self.socket.recv(), PATIENCE))
            if message["t"] == "ping":
                with suppress(ConnectionClosed):  # by what stands behind it
                    await self.say(t="pong", data=message.get("data", ""))
            if message["t"] == kind and fields.items() <= message.items():
                return message

    async def enter(self, **hello):
        await self.say(t="hello", **hello)
        return await self.hear("welcome")

    async def talk(self, room, *texts):
        for text in texts:
            self.said += 1
            await self.say(t="send", id=self.said, n=self.said, room=room, text=text)


@pytest.fixture
def daemon(tmp_path):
    """Return a daemon with native, ``web`` and ``wss`` ports; pages of ``PAGE`` may connect."""
    daemon = Standing(tmp_path / "daemon")
    daemon.web, daemon.wss = free_port(), free_port()
    certificate, key = make_certificate(tmp_path)

    def allow(*pages):
        web = f'protocol = "web"\norigins = {list(pages)}\n'
        daemon.write(
            f"tcp:{daemon.port}:interface={LOOPBACK}",
            f'[[listen]]\nendpoint = "tcp:{daemon.web}:interface={LOOPBACK}"\n{web}'
            f'[[listen]]\nendpoint = "tcp:{daemon.wss}:interface={LOOPBACK}"\n{web}'
            f"certificate = '{certificate}'\nkey = '{key}'\n",
        )

    daemon.allow = allow
    daemon.allow(PAGE)
    daemon.start()
    yield daemon
    for line in daemon.said("upgrade"):
        successor = int(line.partition("process=")[2])
        with suppress(ProcessLookupError):
            os.kill(successor, signal.SIGTERM)
            wait_gone(successor, PATIENCE)
    daemon.end()
    assert not daemon.faults(), daemon.log


def test_people_talk_over_websocket_tls_and_frames(daemon, connect, tmp_path):
    long = "tea é " * 2000

    async def visit():
        async with (
            dial(f"ws://{LOOPBACK}:{daemon.web}/ws", origin=PAGE) as plain,
            dial(f"wss://{LOOPBACK}:{daemon.wss}/ws", ssl=trusting(), compression=None) as secure,
        ):
            ann, ben = Visitor(plain), Visitor(secure)
            for visitor, nick in [(ann, "ann"), (ben, "ben")]:
                await visitor.enter(nick=nick)
                await visitor.say(t="join", id=99, room="#a")
                await visitor.hear("ok", id=99)
            native.join("#a")
            await ann.talk("#a", "one", long)
            assert [(await ben.hear("event", kind="message"))["text"] for _ in range(2)] == ["one", long]
            native.send("#a", "three", 1)
            assert (await ann.hear("event", kind="message", by="nat"))["text"] == "three"
            await asyncio.wait_for(await plain.ping(b"of the protocol"), PATIENCE)
            await plain.send([json.dumps({"t": "leave", "id": 98})[:-1], ', "room": ', '"#a"}'])  # fragments
            await ann.hear("ok", id=98)
            await ben.say(t="goodbye")
            await ben.hear("goodbye")
            with pytest.raises(ConnectionClosed):
                await ben.hear("nothing")
            assert secure.close_code == 1000
        assert plain.close_code == 1000

    authority = str(tmp_path / "localhost.crt")
    assert speaks_web(parse_address(f"wss://localhost:{daemon.wss}"), authority, vouched=True)
    assert speaks_web(parse_address(f"wss://{LOOPBACK}:{daemon.wss}"), None, vouched=False)
    for other, ca in [(f"localhost:{daemon.wss}", None), (f"{LOOPBACK}:{daemon.web}", authority)]:
        assert not speaks_web(parse_address(f"wss://{other}"), ca, vouched=True)
    native = connect(daemon)
    native.enter("nat")
    asyncio.run(visit())
    assert [line.partition("reason=")[2].split(" ")[0] for line in daemon.await_said("client-out", 2)] == [
        "goodbye"
    ] * 2


def test_a_reload_is_not_noticed_and_a_successor_is_found(daemon):
    async def refused(page):
        with pytest.raises(InvalidStatus) as caught:
            async with dial(f"ws://{LOOPBACK}:{daemon.web}/ws", origin=page):
                pass
        assert caught.value.response.status_code == 403

    async def visit():
        async with dial(f"ws://{LOOPBACK}:{daemon.web}/ws", origin=PAGE) as socket:
            ann = Visitor(socket)
            token = (await ann.enter(nick="ann"))["token"]
            await ann.say(t="join", id=99, room="#a")
            await refused(OTHER)
            daemon.allow(OTHER)
            daemon.signal(signal.SIGHUP)
            await asyncio.to_thread(daemon.await_said, "reloaded")
            await refused(PAGE)
            await ann.talk("#a", "still here")
            await ann.hear("ok", id=1)
            status, said = await asyncio.to_thread(daemon.upgrade)
            assert status == 0, said
            goodbye = await ann.hear("goodbye")
            assert goodbye["reason"] == "drain"
            with pytest.raises(ConnectionClosed):
                await ann.hear("nothing")
            assert socket.close_code == 1012
        async with dial(f"ws://{LOOPBACK}:{daemon.web}/ws", origin=OTHER) as socket:
            ann = Visitor(socket)
            welcome = await ann.enter(token=token, cursors={"#a": 1})
            assert (welcome["resumed"], welcome["last"]) == (True, 1)
            assert (await ann.hear("event"))["text"] == "still here"

    asyncio.run(visit())
    assert daemon.wait() == 0


@pytest.fixture
def proxy(tmp_path):
    proxy = Tinyproxy(tmp_path / "proxy").start()
    yield proxy
    proxy.kill()


def test_chatc_by_wss_through_a_proxy_survives_cuts_and_a_crash(daemon, proxy, start_chatc, tmp_path):
    """Two people talk; one comes by wss over HTTP CONNECT, on a line that is cut and hangs."""
    with Forwarder(daemon.wss) as line:
        way = ("--server", f"wss://localhost:{line.port}", "--ca", str(tmp_path / "localhost.crt"))
        ann = start_chatc(daemon, "ann", *way, "--proxy", proxy.url("http"), "talk", "#a", "--json", fed=True)
        ben = start_chatc(daemon, "ben", "talk", "#a", "--json", fed=True)
        for one in (ann, ben):
            one.await_said("connected")
        harms = (line.cut, partial(line.stall, "up"), partial(line.stall, "down"), daemon.kill)
        for number, harm in enumerate(harms, 1):
            harm()
            ann.say(f"ann {number}")
            ben.say(f"ben {number}")
            if harm == daemon.kill:
                daemon.start()
            for one in (ann, ben):
                await_texts(one, 2 * number)
        for one in (ann, ben):
            one.finish()
            assert one.wait(PATIENCE) == 0, one.complaints
    for one in (ann, ben):
        for who in ("ann", "ben"):
            said = [text for text in texts(one) if text.startswith(who)]
            assert said == [f"{who} {number}" for number in range(1, len(harms) + 1)]
    assert any("protocol=web" in said for said in daemon.await_said("client-in", 3))


MIB = 1 << 20


def test_files_go_up_and_down_over_wss_behind_cuts_and_a_crash(daemon, start_chatc, tmp_path):
    """What was stored of both goes on from there; each is posted once, and is what it was."""
    size, begun = 8 * MIB, MIB
    going, coming, came = (tmp_path / name for name in ("going.bin", "coming.bin", "came.bin"))
    for path in (going, coming):
        path.write_bytes(os.urandom(size))
    first = start_chatc(daemon, "eva", "put", "#a", str(coming), "--json")
    assert first.wait(PATIENCE) == 0, first.complaints
    seq = first.lines()[-1]["seq"]
    with Forwarder(daemon.wss, 15e6) as line:
        way = ("--server", f"wss://localhost:{line.port}", "--ca", str(tmp_path / "localhost.crt"))
        both = (
            start_chatc(daemon, "ann", *way, "put", "#a", str(going), "--json"),
            start_chatc(daemon, "ben", *way, "get", "#a", str(seq), "-o", str(came), "--json"),
        )
        for number, harm in enumerate((line.cut, daemon.kill), 1):
            for one in both:
                await_bytes(one, number * begun)
            harm()
            if harm == daemon.kill:
                daemon.start()
        for one in both:
            assert one.wait(PATIENCE) == 0, one.complaints
        assert line.up <= size + 5 * begun
        assert line.down <= size + 5 * begun
    again = tmp_path / "again.bin"
    other = start_chatc(
        daemon, "zed", "get", "#a", str(both[0].lines()[-1]["seq"]), "-o", str(again), "--json"
    )
    assert other.wait(PATIENCE) == 0, other.complaints
    assert again.read_bytes() == going.read_bytes()
    assert came.read_bytes() == coming.read_bytes()
    files = start_chatc(daemon, "zoe", "history", "#a", "--json")
    assert files.wait(PATIENCE) == 0, files.complaints
    assert [one["file"]["name"] for one in files.lines() if one.get("file")] == ["coming.bin", "going.bin"]


def await_bytes(chatc, count):
    deadline = Deadline(PATIENCE)
    while not any(one["done"] >= count and one["state"] != "reading" for one in chatc.lines()):
        deadline.check(f"{count} bytes: {chatc.lines()[-3:]}, {chatc.complaints}")
        time.sleep(0.01)


def texts(chatc):
    return [line["text"] for line in chatc.lines() if line["kind"] == "message"]


def await_texts(chatc, count):
    deadline = Deadline(PATIENCE)
    while len(texts(chatc)) < count:
        deadline.check(f"{count} texts: {texts(chatc)}, {chatc.complaints}")
        time.sleep(0.02)
