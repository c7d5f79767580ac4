"""What the daemon announces, by what listens where; and what an operator is told who may not."""

import errno
import os
import resource
import sys
from contextlib import contextmanager
from functools import partial
from queue import SimpleQueue

import pytest
from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock

from chatd.lan.announcement import Announcement
from chatd.lan.places import Place
from chatd.ops.config import ConfigError, parse
from chatd.ops.settings import Config, LanConfig, ListenConfig
from chatd.server.announcer import NOWHERE, Announcer, records
from chatd.server.announcing import Open, saying
from chatd.server.open_listeners import Listeners
from tests.end_to_end.harness.processes import PATIENCE

PLAIN = Open("native", False, "0.0.0.0", 7411)
SECURE = Open("native", True, "::", 7412)
PAGE = Open("web", False, "0.0.0.0", 7480)
LAN = LanConfig(announce=True)


def said(*listeners, lan=LAN):
    found = saying(lan, listeners, "box.example.org")
    return None if found is None else found.announcement


def test_the_name_is_that_of_the_machine_unless_there_is_another():
    assert said(PLAIN) == Announcement(name="box", port=7411)
    assert said(PLAIN, lan=LanConfig(announce=True, name="Office", host="chat.example.org")) == Announcement(
        name="Office", port=7411, host="chat.example.org"
    )


def test_a_machine_with_a_strange_name():
    assert saying(LAN, [PLAIN], "").announcement.name == "chatd"
    assert saying(LAN, [PLAIN], "é" * 40).announcement.name == "é" * 31


def test_two_with_one_name_have_a_host_each():
    office = Announcement(name="Office", port=7411)
    one, other = (records(office, [Place(f"10.0.0.{number}", 1)]) for number in (1, 2))
    assert one.name == other.name
    assert one.server != other.server, "or each would answer for the other's host"
    assert one.parsed_addresses() == ["10.0.0.1"]


def test_tls_comes_before_plain_text():
    assert said(PLAIN, SECURE, PAGE) == Announcement(name="box", port=7412, tls=True, web=7480)


def test_a_page_alone_is_a_way_in():
    assert said(PAGE) == Announcement(name="box", port=7480, way="web", web=7480)


@pytest.mark.parametrize(
    ("native", "web", "port"),
    [
        ("10.0.0.1", "192.168.1.5", 0),
        ("0.0.0.0", "192.168.1.5", 0),
        ("2001:db8::1", "0.0.0.0", 0),
        ("192.168.1.5", "192.168.1.5", 7480),
        ("192.168.1.5", "0.0.0.0", 7480),
        ("2001:db8::1", "::", 7480),
        ("::", "0.0.0.0", 7480),
    ],
)
def test_a_page_of_another_address_is_not_told_of(native, web, port):
    """Whoever finds the server looks for the page at the addresses of its main listener."""
    assert said(PLAIN._replace(interface=native), PAGE._replace(interface=web)).web == port
    here = PAGE._replace(interface=native, port=7481)
    assert said(PLAIN._replace(interface=native), PAGE._replace(interface=web), here).web == (port or 7481)


@pytest.mark.parametrize("here", ["127.0.0.1", "127.3.2.1", "::1", "::ffff:127.0.0.1"])
def test_loopback_is_never_announced(here):
    assert said(PLAIN._replace(interface=here)) is None
    assert said(PLAIN._replace(interface=here), PAGE).way == "web"
    assert said(PLAIN, PAGE._replace(interface=here)).web == 0


def test_neither_are_listeners_for_relays_and_for_json_lines():
    assert said(PLAIN._replace(relayed=True), PLAIN._replace(protocol="json-lines")) is None


THERE = (Place("10.0.0.1", 2), Place("192.168.1.5", 3), Place("2001:db8::1", 3))


@pytest.mark.parametrize(
    ("interface", "places"),
    [("0.0.0.0", THERE[:2]), ("::", THERE), ("192.168.1.5", THERE[1:2]), ("172.16.0.1", ())],
)
def test_only_where_the_listener_is(interface, places):
    assert saying(LAN, [PLAIN._replace(interface=interface)], "box").places(THERE) == places


def test_open_listeners_are_seen_with_their_ports(tmp_path):
    listens = (
        ListenConfig(endpoint="tcp:0:interface=127.0.0.1"),
        ListenConfig(endpoint="haproxy:tcp:0:interface=127.0.0.1", protocol="web"),
        ListenConfig(endpoint=f"unix:{tmp_path}/socket"),
    )
    listeners = Listeners(reactor)
    try:
        listeners.open(Config(listen=listens))
        plain, web = listeners.for_tcp
    finally:
        listeners.close()
    assert (plain.protocol, plain.tls, plain.interface, plain.relayed) == (
        "native",
        False,
        "127.0.0.1",
        False,
    )
    assert plain.port
    assert (web.protocol, web.relayed) == ("web", True)


def test_with_nothing_to_announce_that_is_told_and_no_thread_begins(logged_events):
    announcer = Announcer(None)  # there is no reactor that anything could come back to
    announcer.use(LAN, [PLAIN._replace(interface="127.0.0.1")])
    announcer.use(LanConfig(), [PLAIN])
    assert [str(event["chatd"].sentence) for event in logged_events] == [NOWHERE]


class Crossing(Clock):
    """A reactor that the test turns: what a thread calls is called then."""

    def __init__(self):
        super().__init__()
        self._calls = SimpleQueue()

    def callFromThread(self, call, *words, **more):
        self._calls.put(partial(call, *words, **more))

    def turn(self):
        self._calls.get(timeout=PATIENCE)()


def test_while_nobody_can_look_where_it_is_it_listens_and_ends(monkeypatch, logged_events):
    """As in a process that has no descriptors left."""

    looks = SimpleQueue()

    def places():
        looks.put(None)
        raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))

    monkeypatch.setattr("chatd.server.announcer.places", places)
    crossing = Crossing()
    announcer = Announcer(crossing)
    for listener in (PLAIN, SECURE):
        announcer.use(LAN, [listener])
        looks.get(timeout=PATIENCE)
    ended = Deferred.fromCoroutine(announcer.stop(goodbye=True))
    crossing.turn()
    (failed,) = logged_events
    assert "Too many open files" in str(failed["chatd"])
    crossing.turn()
    assert ended.called


@contextmanager
def no_descriptors():
    """Let this process open nothing more."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (0, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@pytest.mark.parametrize("goes_on", [True, False])
def test_where_no_descriptor_is_left_the_reactor_is_spared(monkeypatch, logged_events, goes_on):
    """It begins as soon as there are some, or ends without having begun."""
    looks = SimpleQueue()
    monkeypatch.setattr("chatd.server.announcer.LOOK", 0.01)
    monkeypatch.setattr("chatd.server.announcer.places", lambda: looks.put(None) or ())
    crossing = Crossing()
    announcer = Announcer(crossing)
    with no_descriptors():
        announcer.use(LAN, [PLAIN])
        crossing.turn()
        if not goes_on:
            ended = Deferred.fromCoroutine(announcer.stop(goodbye=True))
            crossing.turn()
    (failed,) = logged_events
    assert "Too many open files" in str(failed["chatd"])
    if goes_on:
        looks.get(timeout=PATIENCE)
        ended = Deferred.fromCoroutine(announcer.stop(goodbye=True))
        crossing.turn()
    assert ended.called


def problems(text):
    with pytest.raises(ConfigError) as caught:
        parse(text)
    return [str(problem) for problem in caught.value.problems]


def test_without_the_package_the_configuration_is_wrong(monkeypatch):
    parse("[lan]\nannounce = true")
    monkeypatch.setitem(sys.modules, "zeroconf", None)
    parse("[lan]\nannounce = false")
    assert problems("[lan]\nannounce = true") == [
        "lan.announce: this needs a package: pip install 'chatd[lan]'."
    ]


def test_names_that_cannot_be_announced():
    assert problems(f"[lan]\nname = '{'é' * 32}'") == ["lan.name: 63 bytes are the most of a name here."]
    assert problems("[lan]\nhost = 'a b'") == [
        "lan.host: 'a b' is no name of a host; a right one is chat.example.org."
    ]
