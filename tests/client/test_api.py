"""The client for programs, against the real daemon's protocol over the in-memory network."""

import pytest
from twisted.internet.defer import Deferred

from chatd.client.core.notices import (
    Accepted,
    CannotConnect,
    Connected,
    EventSeen,
    LinkState,
    Lost,
    NotSaved,
    Stopped,
)
from chatd.client.core.problems import ClientError
from chatd.client.profile.origins import origin_of
from chatd.client.profile.profiles import open_slot
from chatd.client.saving import AT_RISK
from chatd.client.values import Options
from chatd.wire.errors import Code, RequestError
from tests.client.entering import now


def texts(client):
    return [n.event.text for n in client.heard if isinstance(n, EventSeen) and n.event.kind == "message"]


@pytest.fixture(params=["native", "web"])
def speaks(request):
    return request.param


def test_talking_and_asking(world, enter):
    ann, bob = enter("ann", "#a"), enter("bob", "#a")
    world.advance(1)
    now(ann.ready())
    sent = ann.send("#a", "hello")
    world.advance(1)
    assert now(sent).room == "#a"
    assert texts(ann) == texts(bob) == ["hello"]
    direct = bob.send("@ann", "psst")
    world.advance(1)
    assert now(direct).room.startswith("@")
    assert texts(ann)[-1] == "psst"
    assert ann.name(now(direct).room) == "@bob"
    rooms, members, page = ann.rooms(), ann.members("#a"), ann.history("#a", limit=2)
    world.advance(1)
    assert [room.room for room in now(rooms)] == ["#a"]
    assert sorted(member.nick for member in now(members)) == ["ann", "bob"]
    assert [event.kind for event in now(page).events] == ["join", "message"]
    assert ann.status().state is LinkState.CONNECTED
    assert ann.status().round_trip is not None


@pytest.mark.parametrize("speaks", ["native"])  # by WebSocket nothing is said before something was heard
def test_a_newcomer_whose_welcome_was_lost_in_a_crash_of_the_server_comes_in_at_once(world, enter):
    world.network.holding = frozenset({"down"})
    ann = enter("ann", "#a")
    world.advance(1)
    assert len(world.store.users) == 1
    assert not any(isinstance(notice, Connected) for notice in ann.heard)
    world.crash_server()
    world.network.holding = frozenset()
    world.start_server()
    world.advance(5)
    assert any(isinstance(notice, Connected) for notice in ann.heard)
    hello = ann.send("#a", "hello")
    world.advance(1)
    assert now(hello).room == "#a"


def test_refusals_fail_with_their_code(world, enter):
    ann = enter("ann", "#a")
    world.advance(1)
    with pytest.raises(RequestError) as empty:
        now(ann.send("#a", "  "))
    assert empty.value.code is Code.EMPTY_TEXT
    elsewhere = ann.send("#b", "x")
    world.advance(1)
    with pytest.raises(RequestError) as refused:
        now(elsewhere)
    assert refused.value.code in (Code.NOT_A_MEMBER, Code.NO_SUCH_ROOM)
    assert not ann.waiting()


def test_calls_take_effect_in_their_order_without_waiting_for_each_other(world, enter):
    ann, bob = enter("ann", "#a"), enter("bob", "#a")
    world.advance(1)
    world.crash_server()
    done = [
        ann.send("#a", "one"),
        ann.topic("#a", "two"),
        ann.nick("annie"),
        ann.send("#a", "four"),
        ann.leave("#a"),
        ann.join("#b"),
        ann.send("#b", "seven"),
    ]
    world.start_server()
    world.advance(20)
    for one in done:
        now(one)
    events = [notice.event for notice in bob.heard if isinstance(notice, EventSeen)]
    assert [(event.kind, event.by, event.text) for event in events][-5:] == [
        ("message", "ann", "one"),
        ("topic", "ann", "two"),
        ("nick", "ann", "annie"),
        ("message", "annie", "four"),
        ("leave", "annie", ""),
    ]


def test_a_request_that_is_given_up_does_not_keep_what_is_behind_it(world, enter):
    ann = enter("ann", "#a")
    world.advance(1)
    world.store.failing = OSError("disk full")
    first, left, second = ann.send("#a", "one"), ann.leave("#a"), ann.send("#a", "two")
    world.advance(0.5)
    left.addErrback(lambda _: None)
    left.cancel()
    world.store.failing = None
    world.advance(5)
    assert (now(first).room, now(second).room) == ("#a", "#a")
    assert texts(ann) == ["one", "two"]


def test_a_crash_of_the_daemon_loses_and_doubles_nothing(world, enter):
    ann, bob = enter("ann", "#a"), enter("bob", "#a")
    world.advance(1)
    sends = [ann.send("#a", str(number)) for number in range(300)]
    world.advance(0.02, step=0.01)
    world.crash_server()
    world.advance(1)
    assert any(isinstance(notice, Lost) for notice in ann.heard)
    late = ann.send("#a", "late")
    world.start_server()
    world.advance(20)
    for sent in [*sends, late]:
        now(sent)
    assert texts(ann) == texts(bob) == [*map(str, range(300)), "late"]


def test_a_black_hole_is_noticed_in_time_and_healed(world, enter):
    ann = enter("ann", "#a")
    world.advance(11)
    world.network.cut()
    world.advance(9)
    (lost,) = [notice for notice in ann.heard if isinstance(notice, Lost)]
    assert lost.reason == "silent for 8 s"
    said = ann.send("#a", "into the hole")
    world.advance(30)
    world.network.heal()
    world.advance(15)
    now(said)
    assert texts(ann) == ["into the hole"]


def test_what_was_typed_survives_the_client(world, enter, tmp_path):
    slot = open_slot("p", origin_of(Options().server), "ann", "ann", folder=tmp_path)
    ann = enter("ann", "#a", slot=slot)
    world.advance(1)
    world.crash_server()
    ann.send("#a", "typed offline").addErrback(lambda failure: failure.trap(ClientError))
    world.advance(0.2)
    ann.stop()
    world.advance(3)
    world.start_server()
    again = enter("", "#a", slot=open_slot("p", origin_of(Options().server), "", "x", folder=tmp_path))
    assert again.nickname == "ann"
    assert [waiting.text for waiting in again.waiting()] == ["typed offline"]
    world.advance(2)
    assert any(isinstance(notice, Accepted) for notice in again.heard)
    assert texts(again) == ["typed offline"]


def test_two_processes_of_one_person_are_two_devices(world, enter, tmp_path):
    def take():
        return open_slot("p", origin_of(Options().server), "ann", "ann", folder=tmp_path)

    one, two = enter("ann", "#a", slot=take()), enter("ann", "#a", slot=take())
    world.advance(5)
    assert one.session != two.session
    assert one.nickname == two.nickname == "ann"
    one.send("#a", "from one")
    two.send("#a", "from two")
    world.advance(1)
    assert sorted(texts(one)) == sorted(texts(two)) == ["from one", "from two"]


def test_a_full_disk_here_is_told_and_stops_nothing(world, enter, tmp_path):
    slot = open_slot("p", origin_of(Options().server), "ann", "ann", folder=tmp_path)

    def fail(*_, **__):
        raise ClientError("profile-unusable", "The disk is full.")

    slot.save = fail
    ann = enter("ann", "#a", slot=slot)
    world.advance(1)
    sent = ann.send("#a", "x")
    world.advance(1)
    now(sent)
    assert [notice for notice in ann.heard if isinstance(notice, NotSaved)] == [
        NotSaved(f"The disk is full. {AT_RISK}")
    ]


def test_a_taken_nick_stops_with_a_sentence(world, enter):
    enter("ann")
    world.advance(1)
    other = enter("Ann")
    ready = other.ready()
    world.advance(1)
    with pytest.raises(ClientError, match="try --nick"):
        now(ready)
    assert isinstance(other.heard[-1], Stopped)
    with pytest.raises(ClientError):
        now(other.ready())


def test_stop_fires_at_any_time_and_twice(world, enter):
    ann = enter("ann", "#a")
    first, second = ann.stop(), ann.stop()
    world.advance(3)
    now(first)
    now(second)
    now(ann.stop())


def test_a_slow_reader_of_ours_holds_the_server_back_and_lives(world, enter):
    ann, bob = enter("ann", "#a"), enter("bob", "#a")
    world.advance(1)
    bob.pause_reading()
    for number in range(200):
        ann.send("#a", f"{number} " + "x" * 2000)
    world.advance(25)
    assert not texts(bob)
    bob.resume_reading()
    world.advance(10)
    assert len(texts(bob)) == 200
    assert not [notice for notice in bob.heard if isinstance(notice, (Lost, CannotConnect))]


def test_notices_as_an_async_iterator(world, enter):
    ann = enter("ann", "#a")
    found = []

    async def collect():
        async for notice in ann.notices():
            found.append(notice)
            if isinstance(notice, Connected):
                return

    done = Deferred.fromCoroutine(collect())
    world.advance(1)
    now(done)
    assert isinstance(found[-1], Connected)
