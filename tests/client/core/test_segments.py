"""Links that bring nothing forward: the next ones have smaller segments, and none is made for ever."""

import pytest

from chatd.client.core.notices import Connected, EventSeen, Narrowed, Quiet
from chatd.client.core.segments import ENOUGH, LADDER, RACE_AGAIN, Segments
from chatd.wire.errors import Code
from chatd.wire.frames import FrameType, frame
from chatd.wire.messages import Error, Goodbye, Hello
from chatd.wire.native import encode
from tests.client.model import World

LARGE = "x" * 5000
LINK_OVERHEAD = 52
"""Bytes of the headers around a segment."""


class Swallowing(World):
    """A path that loses what is larger than ``mtu``, in whole segments, and all that follows it."""

    mtu = 1 << 30

    def fits(self, link, data):
        segment = self.segments[link] or 1460
        return min(len(data), segment) + LINK_OVERHEAD <= self.mtu

    def passing(self, link, data):
        """Return how many bytes of whole frames come before the first one that is swallowed."""
        at = 0
        while at < len(data):
            end = at + 4 + int.from_bytes(data[at : at + 4])
            if not self.fits(link, data[at:end]):
                break
            at = end
        return at

    def carry_up(self, size=1 << 30):
        held = {link: data[self.passing(link, data) :] for link, data in self.up.items()}
        for link, data in held.items():
            del self.up[link][len(self.up[link]) - len(data) :]
        super().carry_up(size)
        for link, data in held.items():
            if link in self.up:
                self.up[link][:0] = data

    def carry_down(self, size=1 << 30):
        held = {link: conn.out[self.passing(link, conn.out) :] for link, conn in self.conns.items()}
        for link, data in held.items():
            del self.conns[link].out[len(self.conns[link].out) - len(data) :]
        super().carry_down(size)
        for link, data in held.items():
            if link in self.conns:
                self.conns[link].out[:0] = data

    def go_on(self, seconds, *, pings=False):
        """Let time go by; with ``pings`` the server speaks by itself, and what we send may be clogged."""
        until = self.now + seconds
        next_ping = self.now
        while self.now < until:
            self.wait(0.1)
            if pings and self.now >= next_ping:
                next_ping = self.now + 2
                for conn in self.conns.values():
                    conn.out += frame(FrameType.PING, b"")
            for link, data in list(self.up.items()):
                clogged = self.passing(link, data) < len(data)
                self.perform(self.machine.clogged(link, clogged, self.now))
            self.carry_up()
            self.carry_down()
            self.flush()


def connected(**how):
    world = Swallowing(**how)
    world.step()
    assert world.said(Connected)
    world.notices.clear()
    return world


def texts(world):
    return [seen.event.text for seen in world.said(EventSeen) if seen.event.kind == "message"]


@pytest.mark.parametrize(("mtu", "segment"), [(1400, 1200), (576, 500)])
def test_a_large_event_comes_with_smaller_segments(mtu, segment):
    world = connected()
    world.mtu = mtu
    world.server.post("#a", "bob", LARGE)
    world.server.post("#a", "bob", "small")
    world.go_on(15)
    assert texts(world) == [LARGE, "small"]
    (narrowed,) = world.said(Narrowed)
    assert narrowed.size == LADDER[1]
    assert world.machine.links.current.segment == segment
    links = len(world.segments)
    world.go_on(120)
    assert len(world.segments) == links


@pytest.mark.parametrize("mtu", [1400, 576])
def test_a_large_text_goes_with_smaller_segments_though_the_server_speaks(mtu):
    world = connected()
    world.mtu = mtu
    _, effects = world.machine.orders.queue("#a", LARGE, world.now)
    world.perform(effects)
    world.flush()
    world.go_on(15, pings=True)
    assert world.server.texts("#a") == [LARGE]
    assert len(world.said(Narrowed)) == 1
    links = len(world.segments)
    world.go_on(60, pings=True)
    assert len(world.segments) == links


@pytest.mark.parametrize("mtu", [1400, 576])
def test_a_welcome_that_does_not_come_is_asked_for_with_smaller_segments(mtu):
    world = Swallowing(rooms=())
    world.mtu = mtu
    topic = "t" * 400
    for number in range(8):
        world.server.members[f"#r{number}{topic}"] = {"ann"}
    world.wishes = world.follow_all = True
    world.begin()
    world.go_on(15)
    assert world.said(Connected)
    assert len(world.said(Narrowed)) == 1
    links = len(world.segments)
    world.go_on(60)
    assert len(world.segments) == links


# ---- races ------------------------------------------------------------------------------------------------


def coming_back(mtu):
    """Return a world whose client comes back to a welcome that is larger than ``mtu``."""
    world = connected()
    for number in range(8):
        world.server.members[f"#r{number}{'t' * 400}"] = {"ann"}
    world.follow_all = True
    world.mtu = mtu
    for conn in world.conns.values():
        conn.close()
    world.begin()
    return world


def hellos(world):
    return [hello for conn in world.conns.values() for hello in conn.heard if isinstance(hello, Hello)]


@pytest.mark.parametrize(("mtu", "segment"), [(1400, 1200), (576, 500)])
def test_a_session_comes_back_to_a_welcome_that_is_swallowed(mtu, segment):
    world = coming_back(mtu)
    world.go_on(10)
    assert world.said(Connected)
    assert [one.size for one in world.said(Narrowed)] == [segment]
    assert world.machine.links.current.segment == segment
    (hello,) = hellos(world)
    assert hello.beside
    links = len(world.segments)
    world.go_on(60)
    assert len(world.segments) == links


def test_the_first_one_is_kept_if_it_is_welcomed_after_all():
    world = coming_back(1400)
    world.go_on(3.4)
    world.wait(0.15)
    assert list(world.segments.values()) == [0, 1200]
    world.mtu = 1 << 30
    (wide, rival) = world.conns
    world.up[rival].clear()  # its hello does not come there in time
    world.go_on(1)
    assert world.machine.links.current.number == wide
    assert list(world.conns) == [wide]
    assert not world.said(Narrowed)
    world.cut()
    world.go_on(5)
    assert world.machine.links.current.segment == 0


def test_a_rival_that_may_take_over_already_is_waited_for():
    world = coming_back(1400)
    world.go_on(3.4)
    world.wait(0.15)
    (wide, rival) = world.conns
    world.server.asks = False
    world.carry_up()  # both hellos are there; the rival's takes over
    world.server.asks = True
    late = bytes(world.conns[wide].out)
    world.perform(world.machine.received(rival, b"\0\0", world.now))  # the first bytes of its welcome
    welcome = late[: 4 + int.from_bytes(late[:4])]
    world.perform(world.machine.received(wide, welcome, world.now))
    assert world.machine.links.current.number == wide
    assert world.machine.links.attempt.number == rival
    world.perform(world.machine.received(wide, encode(Goodbye(reason="taken-over")), world.now))
    assert world.machine.links.stopped is None
    del world.conns[rival].out[:2]
    world.conns.pop(wide, None)
    world.up.pop(wide, None)
    world.go_on(1)
    assert world.machine.links.current.number == rival


def test_a_rival_that_is_refused_leaves_the_first_one_alone():
    world = coming_back(1400)
    world.go_on(3.4)
    world.wait(0.15)
    (wide, rival) = world.conns
    error = Error(code=Code.TOO_MANY_CONNECTIONS, text="full")
    world.perform(world.machine.received(rival, encode(error), world.now))
    assert world.machine.links.attempt.number == wide
    links = len(world.segments)
    world.go_on(3)
    assert len(world.segments) == links
    world.mtu = 1 << 30
    world.go_on(1)
    assert world.machine.links.current.number == wide


def test_a_token_that_is_unknown_is_forgotten_whoever_hears_of_it():
    world = coming_back(1400)
    world.go_on(3.4)
    world.wait(0.15)
    (wide, _) = world.conns
    world.server.accounts.clear()
    error = Error(code=Code.UNKNOWN_SESSION, text="unknown")
    world.perform(world.machine.received(wide, encode(error), world.now))
    world.mtu = 1 << 30
    world.go_on(2)
    assert world.said(Connected)
    assert len(world.conns) == 1


def test_a_server_that_hangs_meets_few_connections():
    world = Swallowing()
    world.mtu = 0
    world.go_on(180)
    seconds_of_an_attempt = 10
    assert len(world.segments) <= 180 / seconds_of_an_attempt + 2 * 180 / RACE_AGAIN
    world.mtu = 1 << 30
    world.go_on(15)
    assert world.said(Connected)
    assert len(world.conns) == 1


@pytest.mark.parametrize("connecting", [1.5, 2.0])
def test_long_round_trips_are_no_sign(connecting):
    world = World()
    world.perform(world.machine.dialling(1, world.now))
    world.waiting.clear()
    world.now += connecting
    world.perform(world.machine.connected(1, world.now))
    world.wait(2.9 * connecting)
    assert len(world.segments) == 1


def test_bytes_of_tls_are_no_silence():
    world = World()
    world.dial()
    for _ in range(9):
        world.wait(1)
        world.perform(world.machine.moved(1, world.now))
    assert len(world.segments) == 1


@pytest.mark.parametrize("sign", ["stirred", "clogged"])
def test_a_sign_of_large_packets_lost_makes_it_sooner(sign):
    world = World()
    world.dial()
    world.wait(1)
    if sign == "stirred":
        world.perform(world.machine.stirred(1, world.now))
    else:
        world.perform(world.machine.clogged(1, True, world.now))
    world.wait(1.4)
    assert len(world.segments) == 1
    world.wait(0.2)
    assert list(world.segments.values()) == [0, 1200]


# ---- links ------------------------------------------------------------------------------------------------


def test_links_that_are_cut_while_nothing_is_wanted_do_not_count():
    world = connected()
    for _ in range(6):
        world.mtu = 0
        world.go_on(5)
        world.mtu = 1 << 30
        world.go_on(5)
    assert set(world.segments.values()) == {0}
    assert world.said(Quiet)


def test_one_silent_link_does_not_make_segments_smaller():
    world = connected()
    world.mtu = 0
    world.server.post("#a", "bob", LARGE)
    world.go_on(6)
    world.mtu = 1 << 30
    world.go_on(10)
    assert texts(world) == [LARGE]
    assert set(world.segments.values()) == {0}


def test_an_attempt_without_a_welcome_beside_a_link_that_moves_says_nothing_of_segments():
    world = connected()
    world.go_on(25)
    world.mtu = 0  # a queue that is full: nothing of the attempts comes through for long
    world.go_on(4.5)
    old = world.machine.links.current
    while world.now < old.live_since + 60:
        world.go_on(1)
        world.perform(world.machine.stirred(old.number, world.now))
    assert world.machine.links.current is old
    world.mtu = 1 << 30
    world.go_on(20)
    assert not world.said(Narrowed)
    assert set(world.segments.values()) == {0}


def test_what_helps_nowhere_leaves_links_alone_until_they_are_dead():
    world = connected()
    world.mtu = 400
    world.server.post("#a", "bob", LARGE)
    world.go_on(20)
    links = len(world.segments)
    world.go_on(80)
    assert len(world.segments) - links <= 80 / 8 + 1


def test_without_the_option_links_live_longer():
    world = connected()
    world.machine.links.segments = Segments((0,))
    world.mtu = 1400
    world.server.post("#a", "bob", LARGE)
    world.go_on(10)
    links = len(world.segments)
    world.go_on(80)
    assert len(world.segments) - links <= 80 / 8 + 1
    assert not world.said(Narrowed)
    assert set(world.segments.values()) == {0}


def test_another_network_is_tried_with_large_segments():
    world = connected()
    world.mtu = 1400
    world.server.post("#a", "bob", LARGE)
    world.go_on(15)
    world.mtu = 1 << 30
    world.perform(world.machine.hurry(world.now))
    world.cut()
    world.go_on(5)
    assert world.machine.links.current.segment == 0


# ---- the rule ---------------------------------------------------------------------------------------------


def test_the_ladder_is_climbed_down_after_links_in_a_row():
    segments = Segments((0, 1200, 500))
    sizes = []
    for _ in range(5):
        sizes.append(segments.size)
        segments.stalled()
    assert sizes == [0] * ENOUGH + [1200, 500, 500]
    assert segments.patient
    segments.served()
    assert not segments.patient
    assert segments.size == 500
    segments.forget()
    assert segments.size == 0


def test_a_link_that_serves_breaks_the_row():
    segments = Segments()
    for _ in range(5):
        assert not segments.stalled()
        segments.served()
    assert segments.size == 0


def test_one_hello_without_a_welcome_is_enough():
    segments = Segments()
    assert segments.mute()
    assert not segments.shown
    assert segments.size == LADDER[1]
    assert segments.mute()
    assert segments.size == LADDER[2]
    assert not segments.mute()


def test_races_are_rare_and_the_winner_is_kept():
    segments = Segments()
    assert segments.rival(0, True, 0.0) == LADDER[1]
    assert segments.rival(LADDER[1], False, 3.0) == LADDER[2]
    assert segments.rival(LADDER[2], False, 6.0) == 0
    assert segments.rival(0, True, RACE_AGAIN - 1) == 0
    assert segments.rival(0, True, RACE_AGAIN) == LADDER[1]
    segments.won(LADDER[2])
    assert (segments.size, segments.shown) == (LADDER[2], True)
