"""Files between clients and the real daemon's protocol, over the in-memory network."""

import os
from functools import partial

import pytest

from chatd.client.core.notices import EventSeen, Lost, Quiet, TransferSeen
from chatd.client.core.stages import Stage
from chatd.testing import Playground
from chatd.testing.files import ClockWorkers
from chatd.wire.errors import Code, RequestError
from chatd.wire.limits import WINDOW
from tests.client.entering import now

STEP = 0.0025
"""Seconds of a step where delays matter: less than what a pace takes for a queue."""


BYTES = 6_000_000
"""Bytes of a file that takes longer than a daemon lives in these tests."""


@pytest.fixture(params=["native", "web"])
def speaks(request):
    return request.param


@pytest.fixture
def world(tmp_path):
    playground = Playground(folder=tmp_path / "server")
    (tmp_path / "server").mkdir()
    playground.start_server()
    return playground


@pytest.fixture
def enter(world, enter):
    return partial(enter, workers=ClockWorkers(world.clock))


@pytest.fixture
def file(tmp_path):
    def make(name, data):
        path = tmp_path / name
        path.write_bytes(data)
        return path

    return make


def crash_while_it_moves(world, client, stage, times=3):
    """Lose the daemon again and again, soon after bytes have begun to move."""
    for _ in range(times):
        while client.files.transfers()[0].stage is not stage:
            world.advance(STEP, STEP)
        world.advance(0.05, STEP)
        world.crash_server()
        world.advance(0.1)
        world.start_server()


def posted(client):
    events = [notice.event for notice in client.heard if isinstance(notice, EventSeen)]
    return [event for event in events if event.kind == "file"]


@pytest.mark.parametrize("size", [0, 1, 70_000, 3 * WINDOW])
def test_there_and_back(world, enter, file, tmp_path, size):
    ann, bob = enter("ann", "#a"), enter("bob", "#a")
    world.advance(1)
    data = os.urandom(size)
    putting = ann.files.put("#a", file("x.bin", data), "caption")
    world.advance(10)
    sent = now(putting)
    (event,) = posted(bob)
    assert (event.seq, event.text, event.file.name, event.file.size) == (sent.seq, "caption", "x.bin", size)
    getting = bob.files.get("#a", event.seq, output=str(tmp_path / "got"))
    world.advance(10)
    assert now(getting).read_bytes() == data
    assert not [notice for notice in bob.heard if isinstance(notice, (Lost, Quiet))]


def test_over_cuts_and_crashes_of_the_daemon(world, enter, file, tmp_path):
    ann, bob = enter("ann", "#a"), enter("bob", "#a")
    world.advance(1)
    world.network.latency = 0.005
    data = os.urandom(BYTES)
    putting = ann.files.put("#a", file("x", data))
    crash_while_it_moves(world, ann, Stage.SENDING)
    assert not putting.called
    world.advance(10, STEP)
    now(putting)
    (event,) = posted(bob)
    getting = bob.files.get("#a", file=event.file.sha256[:12], output=str(tmp_path / "got"))
    crash_while_it_moves(world, bob, Stage.RECEIVING)
    assert not getting.called
    world.advance(10, STEP)
    assert now(getting).read_bytes() == data
    assert len(posted(ann)) == 1


def test_what_is_known_is_not_sent_again(world, enter, file):
    ann = enter("ann", "#a", "#b")
    world.advance(1)
    path = file("x", os.urandom(500_000))
    first = ann.files.put("#a", path)
    world.advance(10)
    now(first)
    ann.heard.clear()
    second = ann.files.put("#b", path)
    world.advance(1)
    now(second)
    stages = [notice.transfer.stage for notice in ann.heard if isinstance(notice, TransferSeen)]
    assert stages == [Stage.READING, Stage.OFFERING, Stage.POSTING, Stage.DONE]
    assert len(posted(ann)) == 1


def test_messages_pass_a_file_and_several_files_share(world, enter, file):
    ann, bob = enter("ann", "#a"), enter("bob", "#a")
    world.advance(1)
    world.network.latency = 0.005
    files = [ann.files.put("#a", file(f"x{number}", os.urandom(2_000_000))) for number in range(3)]
    world.advance(0.2, STEP)
    arrived = [moving.outgoing.received for moving in ann._machine.requests.transfers.all.values()]
    assert len(arrived) == 3
    assert 0 < max(arrived) <= 1.1 * min(arrived)
    assert max(arrived) < 2_000_000
    said = ann.send("#a", "hello")
    world.advance(0.02, STEP)
    now(said)
    assert [notice.event.text for notice in bob.heard if isinstance(notice, EventSeen)][-1] == "hello"
    world.advance(10, STEP)
    for putting in files:
        now(putting)
    assert len(posted(bob)) == 3


def test_direct_messages_carry_files_that_others_do_not_get(world, enter, file, tmp_path):
    ann, bob, eve = enter("ann"), enter("bob"), enter("eve")
    world.advance(1)
    putting = ann.files.put("@bob", file("secret", b"secret"))
    world.advance(2)
    now(putting)
    (event,) = posted(bob)
    getting = bob.files.get(event.room, event.seq, output=str(tmp_path / "got"))
    world.advance(2)
    assert now(getting).read_bytes() == b"secret"
    for room in (event.room, "@bob", "@ann"):
        stolen = eve.files.get(room, event.seq, output=str(tmp_path / "stolen"))
        world.advance(2)
        with pytest.raises(RequestError):
            now(stolen)
    assert not (tmp_path / "stolen").exists()


def test_who_may_not_post_is_told_and_the_room_is_not_disturbed(world, enter, file):
    ann, bob = enter("ann", "#a"), enter("bob")
    world.advance(1)
    putting = bob.files.put("#a", file("x", b"x"))
    world.advance(2)
    with pytest.raises(RequestError) as refused:
        now(putting)
    assert refused.value.code is Code.NOT_A_MEMBER
    assert not posted(ann)
    failed = [notice.transfer for notice in bob.heard if isinstance(notice, TransferSeen)][-1]
    assert (failed.stage.value, failed.reason) == ("failed", refused.value.text)


def test_many_at_once_take_turns_and_the_same_one_twice_is_no_trouble(world, enter, file):
    ann, bob = enter("ann", "#a"), enter("bob", "#a")
    world.advance(1)
    path = file("same", os.urandom(300_000))
    puts = [ann.files.put("#a", path), ann.files.put("#a", path)]
    puts += [ann.files.put("#a", file(f"x{number}", os.urandom(100_000))) for number in range(8)]
    world.advance(20)
    for putting in puts:
        now(putting)
    assert sorted(event.file.name for event in posted(bob)) == ["same", "same", *(f"x{n}" for n in range(8))]


def test_a_link_that_our_file_saturates_is_neither_suspected_nor_given_up(world, enter, file):
    """At 300 bytes a second the least that may be under way takes seven seconds: answers wait behind it."""
    ann = enter("ann", "#a")
    world.advance(1)
    world.network.rate = 300
    putting = ann.files.put("#a", file("x", os.urandom(8_000)))
    world.advance(20)
    assert 0 < ann._machine.requests.transfers.all[1].outgoing.received < 8_000
    assert not [notice for notice in ann.heard if isinstance(notice, (Lost, Quiet))]
    world.advance(30)
    now(putting)
    assert not [notice for notice in ann.heard if isinstance(notice, (Lost, Quiet))]
    world.network.rate = None
    putting = ann.files.put("#a", file("y", os.urandom(BYTES)))
    world.network.latency = 0.005
    world.advance(0.1, STEP)
    world.network.cut()
    world.advance(9)
    assert [notice for notice in ann.heard if isinstance(notice, Lost)]
    world.network.heal()
    world.advance(30, 0.01)
    now(putting)
