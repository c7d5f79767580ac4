"""Nobody stays behind: whatever raises while a connection goes, all of it is let go."""

import hashlib

import pytest
from twisted.internet.task import Clock

from chatd.chat import sending
from chatd.chat.requests import REQUESTS
from chatd.server.gate import OWED_BYTES
from chatd.server.visits import FRAMES, Visits
from chatd.testing import Playground
from chatd.wire import messages as m
from chatd.wire.errors import CloseReason
from chatd.wire.frames import HEAD_SIZE, FrameType, chunk, frame
from chatd.wire.native import encode
from tests.helpers import come_in, sends
from tests.server.test_faults import BrokenError, breaking, connection_of

JUNK = frame(FrameType.PING, b"")[:4] + b"\xee"
"""A frame of a type that there is none of."""

UPLOAD = m.Upload(id=900, transfer=1, size=0, sha256="1" * 64)


@pytest.fixture
def files(tmp_path):
    playground = Playground(folder=tmp_path)
    playground.start_server()
    return playground


def online(playground):
    return [s for s in playground.server.hub.world.sessions.values() if s.peer is not None]


def owed(request):
    return len(encode(request)) - HEAD_SIZE + REQUESTS[type(request)].answer_bytes


def send(n, size):
    return m.Send(id=1000 + n, room="#a", n=n, text="x" * size)


def test_a_refusal_that_opens_the_gate_to_a_broken_frame_leaves_no_ghost(files):
    """The gate is shut by what is owed; the refusal of the upload alone opens it again."""
    eve = come_in(files, "eve", m.Join(id=1, room="#a"))
    files.advance(2)
    files.store.held = True
    requests, room = [], OWED_BYTES - 20
    while room > 0:
        size = min(15_000, room - owed(send(50, 0)))
        requests.append(send(len(requests) + 10, size))
        room -= owed(requests[-1])
    assert OWED_BYTES - owed(UPLOAD) <= sum(map(owed, requests)) < OWED_BYTES
    eve.transport.write(b"".join(map(encode, [UPLOAD, *requests])) + JUNK)
    files.advance(10)
    files.store.held = False
    files.store.release()
    files.advance(10)
    assert eve.of(m.Error)[-1].code == "bad-frame"
    assert eve.lost is not None
    assert online(files) == []


@pytest.mark.parametrize("count", [0, 10, 17, 21, 300])
def test_an_upload_let_go_of_while_its_connection_ends_leaves_no_ghost(files, count):
    talker = come_in(files, "eve", m.Join(id=1, room="#a"))
    files.advance(2)
    requests = [m.Send(id=1000 + n, room="#a", n=n, text="x" * 16_000) for n in range(1, count + 1)]
    talker.transport.write(b"".join(map(encode, [UPLOAD, *requests])) + JUNK)
    files.advance(10)
    assert talker.lost is not None
    assert online(files) == []
    assert not files.server.connections
    assert not files.server.visits
    assert not files.server.hub.world.rooms["#a"].log.followers


def test_a_transfer_that_cannot_be_closed_keeps_nobody(files, flush_failures, monkeypatch):
    talker = come_in(files, "eve", m.Join(id=1, room="#a"))
    talker.say(UPLOAD)
    monkeypatch.setattr("chatd.server.files.upload.Upload.close", breaking)
    files.clock.advance(0)
    connection_of(files, "eve").abort(CloseReason.STUCK)
    files.advance(1)
    assert len(flush_failures(BrokenError)) <= 1
    assert talker.lost is not None
    assert online(files) == []


@pytest.mark.parametrize(
    "name",
    [
        "server.files.upload.Upload._take",
        "files.incoming.Incoming.wrote",
        "files.incoming.Incoming.keep",
        "server.files.library.Library.place",
        "server.files.partial_upload.PartialUpload.removed",
    ],
)
def test_what_raises_behind_a_thread_ends_its_connection(files, flush_failures, monkeypatch, name):
    ann = come_in(files, "ann", m.Join(id=1, room="#a"))
    eve = come_in(files, "eve", m.Join(id=1, room="#a"))
    files.advance(1)
    monkeypatch.setattr(f"chatd.{name}", breaking)
    eve.say(m.Upload(id=900, transfer=1, size=5, sha256=hashlib.sha256(b"hello").hexdigest()))
    files.advance(1)
    if eve.lost is None:
        eve.transport.write(chunk(1, 0, b"hel"))
        files.advance(3)
    if eve.lost is None:
        eve.transport.write(chunk(1, 3, b"lo"))
    files.advance(10)
    assert len(flush_failures(BrokenError)) == 1
    assert eve.of(m.Goodbye)[-1].reason == CloseReason.FAULT
    assert [session.user.nick for session in online(files)] == ["ann"]
    assert ann.lost is None
    assert not len(files.server.files.uploads)
    assert files.server.files.idle


@pytest.mark.parametrize("name", ["Outgoing.wants", "Outgoing.filled", "Outgoing.take"])
def test_what_raises_while_a_content_is_read_ends_its_connection(files, flush_failures, monkeypatch, name):
    ann = come_in(files, "ann", m.Join(id=1, room="#a"))
    eve = come_in(files, "eve", m.Join(id=1, room="#a"))
    digest = hashlib.sha256(b"hello").hexdigest()
    ann.say(m.Upload(id=900, transfer=1, size=5, sha256=digest))
    files.advance(1)
    ann.transport.write(chunk(1, 0, b"hello"))
    files.advance(1)
    ann.say(m.Send(id=901, n=1, room="#a", text="", file=m.File(name="a", size=5, sha256=digest)))
    files.advance(1)
    monkeypatch.setattr(f"chatd.files.outgoing.{name}", breaking)
    eve.say(m.Download(id=900, transfer=1, room="#a", seq=eve.of(m.Event)[-1].seq))
    files.advance(10)
    assert len(flush_failures(BrokenError)) == 1
    assert eve.of(m.Goodbye)[-1].reason == CloseReason.FAULT
    assert ann.lost is None
    assert not len(files.server.files.downloads)


@pytest.mark.parametrize("step", ["unfollow_all", "leave", "closed"])
def test_whatever_step_of_leaving_raises_the_session_is_unbound(
    playground, flush_failures, monkeypatch, step
):
    eve = come_in(playground, "eve", m.Join(id=1, room="#a"))
    playground.advance(1)
    connection = connection_of(playground, "eve")
    owner = connection.reader if step == "unfollow_all" else playground.server
    whole = getattr(owner, step)

    def half(*arguments):
        whole(*arguments)
        raise BrokenError

    monkeypatch.setattr(type(owner), step, lambda _, *arguments: half(*arguments))
    connection.close(CloseReason.FAULT)
    playground.advance(10)
    assert flush_failures(BrokenError)
    assert eve.lost is not None
    assert online(playground) == []
    assert connection.session is None


class _Guest:
    """A connection with so many frames left, each visit to which takes 2 ms; it notes who was visited."""

    def __init__(self, name, frames, visited, clock):
        self.name, self.frames, self.visited, self.clock = name, frames, visited, clock

    def visit(self, most):
        self.visited.append(self.name)
        self.frames -= min(most, self.frames)
        self.clock.rightNow += 0.002
        return self.frames > 0


def test_connections_are_visited_round_robin_and_a_turn_is_short():
    clock, visited = Clock(), []
    visits = Visits(clock, lambda: None)
    for name in "abcd":
        assert visits.add(_Guest(name, 2 * FRAMES, visited, clock))
    visits.turn()
    assert visited == ["a", "b", "c"]
    visits.turn()
    assert visited == ["a", "b", "c", "d", "a", "b"]
    visits.turn()
    assert visited == ["a", "b", "c", "d", "a", "b", "c", "d"]
    assert not visits


def test_two_hundred_who_ask_at_once_make_no_turn_long(playground, monkeypatch):
    """A request takes 0.1 ms of this clock, so a turn of 5 ms decides 50, and the rest of one visit."""
    crowd = [come_in(playground, f"n{i}", m.Join(id=1, room=f"#r{i}")) for i in range(200)]
    bystander = come_in(playground, "ben")
    playground.advance(1)
    in_turn = [0]
    post, turn = sending.post_read, Visits.turn

    def counted(world, peer, session, room, ids, *rest):
        in_turn[-1] += len(ids)
        playground.clock.rightNow += 0.0001 * len(ids)
        post(world, peer, session, room, ids, *rest)

    def begun(visits):
        in_turn.append(0)
        others = turn(visits)
        in_turn.append(0)
        return others

    monkeypatch.setattr(sending, "post_read", counted)
    monkeypatch.setattr(Visits, "turn", begun)
    for i, talker in enumerate(crowd):
        talker.say(*(message for n in range(1, 41) for message in sends(f"#r{i}", "x", n=n)))
    bystander.transport.write(frame(FrameType.PING, b"here"))
    playground.advance(1)
    assert bystander.pongs == [b"here"]
    assert sum(in_turn) == 200 * 40
    assert max(in_turn[1::2]) <= 50 + FRAMES
    assert not any(in_turn[::2])  # outside of a visit nothing is decided
    assert all(len(talker.of(m.Ok)) == 41 for talker in crowd)


def test_an_upload_whose_last_bytes_come_with_a_broken_frame_is_finished(files):
    eve = come_in(files, "eve")
    files.advance(1)
    eve.say(m.Upload(id=900, transfer=1, size=5, sha256=hashlib.sha256(b"hello").hexdigest()))
    files.advance(1)
    eve.transport.write(chunk(1, 0, b"hello") + JUNK)
    files.advance(10)
    assert eve.lost is not None
    assert not len(files.server.files.uploads)
    assert files.server.files.idle
