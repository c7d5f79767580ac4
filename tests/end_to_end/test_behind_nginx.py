"""The page and WebSocket behind a real nginx that ends TLS, as etc/ and OPERATIONS show it."""

import asyncio
import json
import os
import re
import socket
import time
from urllib.error import HTTPError
from urllib.request import urlopen

import pytest
from websockets.asyncio.client import connect as dial
from websockets.exceptions import InvalidStatus

from chatd.ops.config import parse
from chatd.ops.settings import Config
from tests.end_to_end.harness.certificates import trusting
from tests.end_to_end.harness.processes import LOOPBACK, PATIENCE, Deadline
from tests.end_to_end.test_backups import right
from tests.end_to_end.test_relays import ETC, Relay, listener_of
from tests.end_to_end.test_websocket import Visitor, await_texts, texts

PAGE = "https://chat.example.org"
OTHER = "https://other.example.org"
LIE = "203.0.113.66"
HTTP, STREAM = "nginx-web.conf", "nginx.conf"


class WebRelay(Relay):
    """The nginx of a file in ``etc/``, in front of a listener for the web."""

    def __init__(self, name, folder, certificate):
        super().__init__(name, folder, certificate)
        if name == STREAM:
            self.listener += 'protocol = "web"\n'

    def start(self, change):
        super().start(lambda text: change(text).replace(":443 ", ":7412 "))

    def reach(self, origin=None, source=LOOPBACK, **headers):
        """Dial the WebSocket behind it."""
        way = {"ssl": trusting(), "compression": None, "local_addr": (source, 0)}
        return dial(
            f"wss://localhost:{self.outer}/ws",
            origin=origin,
            additional_headers=headers,
            host=LOOPBACK,
            **way,
        )

    def get(self, path):
        return urlopen(f"https://localhost:{self.outer}{path}", context=trusting(), timeout=PATIENCE)

    def await_status(self, wanted):
        """Wait until it answers so for the daemon."""
        deadline = Deadline()
        while True:
            try:
                status = self.get("/healthz").status
            except HTTPError as error:
                status = error.code
            except OSError:  # it does not listen yet
                status = None
            if status == wanted:
                return
            deadline.check(f"{self.name} to answer {wanted}: {status} {(self.folder / 'log').read_text()}")
            time.sleep(0.05)


@pytest.fixture
def site(make_daemon, certificate, tmp_path):
    """Return a function that starts a daemon behind both."""
    if os.geteuid() != 0:
        pytest.skip("nginx wants root, to become a user of its own")
    files = certificate()
    relays = [WebRelay(name, tmp_path / name.partition(".")[0], files) for name in (HTTP, STREAM)]

    def site(change=lambda text: text):
        daemon = make_daemon()
        own = f'[[listen]]\nendpoint = "tcp:{daemon.port}:interface={LOOPBACK}"\nguests = "allowed"\n'
        daemon._config.write_text(own + "".join(relay.listener for relay in relays))
        daemon.listen = ()
        daemon.start()
        for relay in relays:
            relay.start(change)
            relay.await_status(200)
        return daemon, *relays

    yield site
    for relay in relays:
        relay.end()


def run(story):
    """Return what ``story`` comes to; who waits for a message answers pings, and would do so for ever."""
    return asyncio.run(asyncio.wait_for(story, PATIENCE))


async def enter(socket, nick, **hello):
    visitor = Visitor(socket)
    await visitor.enter(nick=nick, **hello)
    await visitor.say(t="join", id=99, room="#tea")
    await visitor.hear("ok", id=99)
    return visitor


async def refused(relay, origin):
    with pytest.raises(InvalidStatus) as caught:
        async with relay.reach(origin):
            pass
    assert caught.value.response.status_code == 403


def lie_to(relay):
    """Begin with a PROXY header of one's own; return what is answered."""
    plain = socket.create_connection((LOOPBACK, relay.outer), PATIENCE)
    with trusting().wrap_socket(plain, server_hostname="localhost") as secure:
        secure.sendall(f"PROXY TCP4 {LIE} {LIE} 1 2\r\nGET / HTTP/1.1\r\nHost: h\r\n\r\n".encode())
        return secure.recv(100)


def test_people_talk_and_nobody_chooses_an_address(site):
    daemon, web, stream = site()
    for relay in (web, stream):
        answer = relay.get("/")
        assert answer.headers["x-chatd-page"] == "1"
        assert "frame-ancestors 'none'" in answer.headers["content-security-policy"]
        assert b" 400 " in lie_to(relay)
    claims = {"X-Forwarded-For": LIE, "X-Real-IP": LIE, "Forwarded": f"for={LIE}"}

    async def talk():
        for relay in (web, stream):
            await refused(relay, OTHER)
        await refused(web, f"https://localhost:{web.outer}")  # nobody has said that it is that
        async with (
            web.reach(PAGE, "127.0.0.2", **claims) as first,
            stream.reach(f"https://localhost:{stream.outer}", "127.0.0.3", **claims) as second,
        ):
            ann, ben = await enter(first, "ann"), await enter(second, "ben")
            await ann.talk("#tea", "é" * 5_000)
            assert (await ben.hear("event", kind="message"))["text"] == "é" * 5_000
            await ben.talk("#tea", "I hear you")
            assert (await ann.hear("event", by="ben", kind="message"))["text"] == "I hear you"
            said = await asyncio.to_thread(right, "who", "--json", "--data", daemon.data)
            return {row["nick"]: row for row in map(json.loads, said.splitlines())}, second.local_address[1]

    rows, port = run(talk())
    assert rows["ann"]["address"].startswith(f"{LOOPBACK}:")
    assert rows["ben"]["address"] == f"127.0.0.3:{port}"
    assert rows["ben"]["relay"].startswith(f"{LOOPBACK}:")
    assert LIE not in daemon.log


def test_who_says_nothing_is_kept_by_heartbeats(site):
    """With all of their times so short that only heartbeats are faster."""
    daemon, *relays = site(lambda text: text.replace("11m", "3s"))

    async def wait(relay, nick):
        async with relay.reach(PAGE if relay.name == HTTP else None) as socket:
            visitor = await enter(socket, nick, heartbeat={"interval": 1.0, "misses": 6})
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(5):
                    await visitor.hear("nothing")
            await visitor.talk("#tea", "still here")
            await visitor.hear("ok", id=1)

    async def both():
        await asyncio.gather(*(wait(relay, f"n{number}") for number, relay in enumerate(relays)))

    run(both())
    assert len(daemon.await_said("client-out", 2)) == 2


def test_chatc_comes_back_when_the_daemon_or_nginx_does(site, start_chatc):
    daemon, web, stream = site()
    people = []
    for nick, relay in (("ann", web), ("ben", stream)):
        way = ("--server", f"wss://localhost:{relay.outer}", "--ca", str(relay.certificate[0]))
        people.append(start_chatc(daemon, nick, *way, "talk", "#tea", "--json", fed=True))
    for one in people:
        one.await_said("connected")

    def restart():
        daemon.kill()
        web.await_status(502)
        daemon.start()

    def renew():
        for relay in (web, stream):
            relay.end()
            relay.start(lambda text: text)

    for number, harm in enumerate((restart, renew), 1):
        harm()
        for one in people:
            one.say(f"{one.nick} {number}")
        for one in people:
            await_texts(one, 2 * number)
    for one in people:
        assert sorted(texts(one)) == ["ann 1", "ann 2", "ben 1", "ben 2"]


def test_it_waits_longer_than_the_daemon():
    text = (ETC / HTTP).read_text()
    found = re.findall(r"(?m)proxy_(?:read|send)_timeout (\d+)m;$", text)
    assert len(found) == 2
    assert min(map(int, found)) * 60 > Config().heartbeat.max_limit
    (listener,) = parse(listener_of(HTTP)).listen
    assert listener.origins == (PAGE,)
