"""The control socket: who may ask, one request after the other, in pages, at nobody's cost."""

import os
import socket

import msgspec
import pytest

from chatd.control import protocol, stream
from chatd.control.access import Access, Credentials, Role, credentials_of
from chatd.control.messages import AskHookAdd, AskRooms, AskStatus, AskWho, Done, RawRows, Refused
from chatd.control.protocol import MAX_CONNECTIONS, PATIENCE
from chatd.control.rows import Connected, RoomRow
from chatd.control.table import REQUESTS
from chatd.server.silent_peer import SilentPeer
from chatd.testing.network import BUFFER
from chatd.wire import messages as m
from tests.control.conftest import OWN, STRANGER, Site
from tests.helpers import come_in, sends

GROUP = 77


@pytest.mark.parametrize(
    ("user", "groups", "rights", "role"),
    [
        (0, (), Role.LOOK, Role.CHANGE),
        (OWN, (), Role.LOOK, Role.CHANGE),
        (STRANGER, (), Role.CHANGE, Role.NOBODY),
        (STRANGER, (5,), Role.CHANGE, Role.NOBODY),
        (STRANGER, (5, GROUP), Role.CHANGE, Role.CHANGE),
        (STRANGER, (GROUP,), Role.LOOK, Role.LOOK),
    ],
)
def test_who_may_do_what(user, groups, rights, role):
    assert Access(OWN, GROUP, rights).role_of(Credentials(1, user, frozenset(groups))) is role


def test_a_group_without_a_name_lets_nobody_in():
    assert Access(OWN).role_of(Credentials(1, STRANGER, frozenset({0, GROUP}))) is Role.NOBODY


def test_the_system_says_who_is_there():
    one, other = socket.socketpair(socket.AF_UNIX)
    with one, other:
        who = credentials_of(one)
    assert (who.process, who.user) == (os.getpid(), os.geteuid())
    assert who.groups == {os.getegid(), *os.getgroups()}


def test_a_stranger_hears_one_sentence_and_nothing_else(site, logged_events):
    asker = site.connect(STRANGER)
    asker.ask(AskWho(id=7))
    site.playground.advance(0.1)
    (refused,) = asker.heard
    assert (refused.code, asker.lost is not None) == ("not-permitted", True)


def test_whoever_may_only_look_is_told_so(site):
    site.factory.access = Access(OWN, GROUP, Role.LOOK)
    site.groups = frozenset({GROUP})
    asker = site.connect(STRANGER)
    for number, (kind, handling) in enumerate(REQUESTS.items(), 1):
        if handling.role > Role.LOOK:
            needed = {field.name: "debug" for field in msgspec.structs.fields(kind) if field.required}
            asker.ask(kind(id=number, **needed))
            site.playground.advance(0.1)
            assert (asker.ended[-1].id, asker.ended[-1].code) == (number, "not-permitted")
    asker.ask(AskStatus(id=99))
    site.playground.advance(0.1)
    assert asker.ended[-1] == Done(id=99)


def test_one_request_after_the_other(site):
    come_in(site.playground, "ann")
    site.playground.advance()
    asker = site.connect()
    asker.ask(AskWho(id=1), AskRooms(id=2), AskWho(id=3))
    asker.transport.write(b'\n{"t":"dance","id":4}\n')
    site.playground.advance(0.5)
    assert [(type(message), message.id) for message in asker.ended] == [
        (Done, 1),
        (Done, 2),
        (Done, 3),
        (Refused, 4),
    ]
    assert asker.ended[-1].code == "unsupported"


@pytest.mark.parametrize("junk", [b"GET / HTTP/1.1\r\n", b"{]\n", b'{"t":"who","where":5}\n', b"{" * 70_000])
def test_junk_costs_whoever_sent_it(site, junk):
    asker = site.connect()
    asker.transport.write(junk)
    site.playground.advance(0.5)
    (refused,) = asker.heard
    assert isinstance(refused, Refused)
    assert asker.lost is not None
    assert not site.factory.open


def test_more_than_so_many_are_refused(site):
    askers = [site.connect() for _ in range(MAX_CONNECTIONS + 1)]
    site.playground.advance(0.1)
    assert [bool(asker.heard) for asker in askers] == [False] * MAX_CONNECTIONS + [True]
    assert askers[-1].heard[0].code == "busy"


def crowd(site, count):
    for number in range(count):
        come_in(site.playground, f"user{number}")
    site.playground.advance(0.5)


def test_a_long_answer_comes_in_pages_between_which_others_have_their_turn(site, monkeypatch):
    monkeypatch.setattr(stream, "PAGE", 10)
    crowd(site, 45)
    asker = site.connect()
    asker.ask(AskWho(id=1))
    turns = []

    def others():
        turns.append(len(asker.rows(Connected)))
        if not asker.ended:
            site.playground.clock.callLater(0, others)

    others()
    site.playground.advance(0.5)
    assert turns[-1] == 45
    assert len(turns) > 5
    assert [len(page.rows) for page in asker.heard if isinstance(page, RawRows)] == [10, 10, 10, 10, 5]


@pytest.mark.slow  # it works for a second
def test_whoever_takes_nothing_holds_little_and_is_given_up(site, monkeypatch):
    monkeypatch.setattr(stream, "PAGE", 10)
    crowd(site, 500)
    asker = site.connect()
    asker.transport.pauseProducing()
    asker.ask(AskWho(id=1))
    site.playground.advance(2)
    (one,) = site.factory.open
    waiting = len(one.transport.pipe.buffer)
    assert waiting < 2 * BUFFER
    site.playground.advance(PATIENCE / 2)
    assert len(one.transport.pipe.buffer) == waiting
    asker.transport.resumeProducing()
    site.playground.advance(5)
    assert len(asker.rows(Connected)) == 500
    asker.transport.pauseProducing()
    asker.ask(AskWho(id=2))
    site.playground.advance(PATIENCE + 5)
    assert not site.factory.open


def test_an_answer_ends_with_its_connection(site, monkeypatch):
    monkeypatch.setattr(stream, "PAGE", 1)
    crowd(site, 50)
    asker = site.connect()
    asker.ask(AskWho(id=1))
    site.playground.clock.advance(0)
    site.playground.clock.advance(0)
    asker.transport.abortConnection()
    site.playground.advance(0.5)
    assert not site.factory.open
    assert not [call for call in site.playground.clock.getDelayedCalls() if "_give_up" in str(call)]


def test_a_fault_is_logged_and_costs_the_request_alone(site, monkeypatch, flush_failures):
    async def broken(*_):
        raise RuntimeError

    monkeypatch.setitem(protocol.REQUESTS, AskRooms, REQUESTS[AskRooms]._replace(answer=broken))
    asker = site.connect()
    asker.ask(AskRooms(id=1), AskWho(id=2))
    site.playground.advance(0.2)
    assert [(message.id, getattr(message, "code", "")) for message in asker.ended] == [(1, "fault"), (2, "")]
    assert len(flush_failures(RuntimeError)) == 1


def test_a_fault_of_an_answer_is_logged_and_told(site, monkeypatch, flush_failures):
    def broken(*_):
        monkeypatch.undo()
        raise RuntimeError

    come_in(site.playground, "ann", m.Join(id=1, room="#a"))
    monkeypatch.setattr(SilentPeer, "reply", broken)
    asker = site.connect()
    asker.ask(AskHookAdd(id=1, name="news", room="#a"))
    site.playground.advance(0.5)
    assert [(message.id, message.code) for message in asker.ended] == [(1, "fault")]
    assert len(flush_failures(RuntimeError)) == 1


def test_rooms_are_told_and_direct_messages_are_not():
    site = Site()
    ann = come_in(site.playground, "ann", m.Join(id=1, room="#a"))
    come_in(site.playground, "ben", m.Join(id=1, room="#a"))
    site.playground.advance(0.1)
    ann.say(*sends("#a", "one", "two", "three"))
    site.playground.advance()
    ann.say(*sends("@ben", "psst", n=4))
    site.playground.advance(1)
    (row,) = site.ask(AskRooms(), RoomRow)
    assert (row.room, row.kind, row.members, row.followers, row.head) == ("#a", "public", 2, 2, 5)
    assert row.rate > 0
    site.playground.advance(180)
    (row,) = site.ask(AskRooms(), RoomRow)
    assert row.rate == 0
