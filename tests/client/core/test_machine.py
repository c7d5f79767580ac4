"""The rules of the state machine, one by one, against the model server and a clock turned by hand."""

import re

import pytest
from msgspec.structs import replace

from chatd.client.core.effects import Save
from chatd.client.core.link import Phase
from chatd.client.core.notices import (
    Accepted,
    CannotConnect,
    Connected,
    CursorForgotten,
    EventSeen,
    GapSeen,
    Held,
    JoinRefused,
    LinkState,
    Lost,
    Quiet,
    Revived,
    RoomClosed,
    SendRefused,
    Stopped,
)
from chatd.client.core.sends import HOLD
from chatd.client.core.session import Session
from chatd.wire.errors import Code
from chatd.wire.frames import FrameType, frame
from chatd.wire.messages import (
    Download,
    Error,
    Event,
    Gap,
    Goodbye,
    Hello,
    History,
    Join,
    Leave,
    Left,
    Nick,
    Ok,
    Pulse,
    Send,
    Topic,
    Welcome,
)
from chatd.wire.native import encode
from tests.client.model import LIMITS, Disk, ModelServer, World


def connected(**how):
    world = World(**how)
    world.step()
    assert world.said(Connected)
    world.notices.clear()
    world.delays.clear()
    return world


def say(world, message):
    """Let the server say something on its own account."""
    world.conn.say(message)
    world.carry_down()


def send(world, text, room="#a"):
    key, effects = world.machine.orders.queue(room, text, world.now)
    world.perform(effects)
    world.flush()
    return key


def ask(world, message):
    number, effects = world.machine.orders.ask(message, world.now)
    world.perform(effects)
    return number


# ---- coming in --------------------------------------------------------------------------------------------


def test_the_first_hello_claims_the_nick_and_wishes_for_the_demanding_heartbeat():
    world = World()
    world.step()
    (hello,) = world.heard(Hello)
    assert (hello.nick, hello.token, hello.device) == ("ann", "", False)
    assert (hello.heartbeat.interval, hello.heartbeat.misses) == (2.0, 4)
    assert world.said(Connected) == [Connected("host:1", "ann", False)]
    assert world.disk.session.token == "token1"


def test_joins_come_before_sends_and_connected_waits_for_their_answers():
    world = World(rooms=("#a", "#b"))
    send(world, "early")
    world.step()
    kinds = [type(message) for message in world.conn.heard]
    assert kinds == [Hello, Join, Join, Send]
    assert world.server.texts("#a") == ["early"]
    first = next(n for n in world.notices if isinstance(n, (Connected, Accepted)))
    assert isinstance(first, Connected)


def test_a_reconnect_resumes_with_the_token_and_the_cursors():
    world = connected()
    world.server.post("#a", "bob", "one")
    world.step()
    world.cut()
    world.server.post("#a", "bob", "two")
    world.wait(1)
    world.step()
    (hello,) = world.heard(Hello)
    assert (hello.token, hello.cursors, hello.follow) == ("token1", {"#a": 2}, "listed")
    assert [seen.event.text for seen in world.said(EventSeen)] == ["one", "two"]
    assert world.said(Connected)[-1].resumed


def test_own_events_are_known_as_own():
    world = connected()
    send(world, "mine")
    world.server.post("#a", "bob", "theirs")
    world.step()
    assert {seen.event.text: seen.own for seen in world.said(EventSeen)} == {"mine": True, "theirs": False}


def test_a_sibling_gives_a_device_session():
    world = connected()
    disk = Disk(session=Session(nick="ann", sibling="token1"))
    disk.remembered = lambda: replace(Disk().remembered(), session=Session(nick="ann", sibling="token1"))
    other = World(server=world.server, disk=disk)
    other.step()
    (hello,) = other.heard(Hello)
    assert (hello.token, hello.device, hello.nick) == ("token1", True, "")
    assert other.disk.session.token == "token2"
    assert world.machine.links.current is not None


def test_a_taken_nick_stops_with_a_suggestion_when_no_sibling_holds_it():
    world = connected()
    other = World(server=world.server)
    other.step()
    (stopped,) = other.said(Stopped)
    hint = "try --nick ann2, or chatc --nick ann login if it is your account"
    assert stopped == Stopped(Code.NICK_TAKEN, f"The nick ann belongs to somebody else; {hint}.")
    assert other.siblings_sought == 1
    assert other.machine.links.state() is LinkState.STOPPED
    assert not other.waiting


def test_a_taken_nick_may_be_held_by_a_sibling_that_is_found_in_time():
    world = connected()
    other = World(server=world.server)
    other.token_of_sibling = "token1"
    other.step()
    assert not other.said(Stopped)
    assert other.said(Connected)


def test_a_nick_held_by_our_own_broken_attempt_is_tried_again():
    world = World()
    world.dial()
    world.carry_up()
    world.server.accounts["token1"].firm = True  # a server that has not noticed the end of that connection
    world.cut()
    world.wait(1)
    world.step()
    assert not world.said(Stopped)
    assert "broke off" in world.said(CannotConnect)[-1].reason
    world.server.accounts.clear()
    world.settle()
    assert world.said(Connected)


@pytest.mark.parametrize("code", [Code.BAD_NICK, Code.VERSION_UNSUPPORTED])
def test_refusals_that_nothing_mends_stop_with_the_servers_sentence(code):
    world = World()
    world.dial()
    say(world, Error(code=code, text="Because."))
    (stopped,) = world.said(Stopped)
    assert stopped.code == code
    assert stopped.text.endswith("Because.")
    assert not world.waiting


def test_an_unknown_session_begins_anew_and_keeps_outbox_rooms_and_cursors():
    world = connected()
    for text in ("one", "two"):
        send(world, text)
    world.step()
    world.server.accounts.clear()
    world.server.members.clear()
    world.cut()
    send(world, "three")
    world.server.post("#a", "bob", "meanwhile")
    world.wait(1)
    world.step()
    assert world.server.texts("#a") == ["one", "two", "meanwhile", "three"]
    (sent,) = world.heard(Send)
    assert sent.n == 1
    (join,) = world.heard(Join)
    assert join.after == 3
    assert [s.event.seq for s in world.said(EventSeen)] == [2, 3, 4, 5, 6]
    assert not world.said(CannotConnect)


def test_another_server_gets_neither_cursors_nor_what_an_earlier_run_typed():
    world = connected()
    world.cut()
    world.reachable = False
    send(world, "for the old one")
    world.crash()
    world.server = ModelServer("another")
    send(world, "for the new one")
    world.reachable = True
    world.settle()
    assert world.server.texts("#a") == ["for the new one"]
    assert [s.event.seq for s in world.said(EventSeen)] == [1, 2]


def test_a_cursor_beyond_the_head_is_forgotten_and_the_room_followed_from_its_end():
    world = connected()
    world.server.rooms["#a"].clear()
    world.cut()
    world.wait(1)
    world.step()
    assert world.said(CursorForgotten) == [CursorForgotten("#a", "#a", 1)]
    world.server.post("#a", "bob", "again")
    world.step()
    assert [s.event.text for s in world.said(EventSeen)] == ["again"]
    assert len(world.said(Lost)) == 1
    assert not world.said(CannotConnect)


def test_a_join_beyond_the_head_is_asked_again_without_the_cursor():
    world = World()
    world.dial()
    world.carry_up()
    world.carry_down()
    world.flush()
    world.carry_up()
    number = world.heard(Join)[0].id
    world.conn.out.clear()
    say(world, Error(id=number, code=Code.CURSOR_BEYOND_HEAD, text="beyond"))
    world.carry_up()
    assert world.heard(Join)[-1].after is None
    assert world.said(CursorForgotten)


def test_a_refused_join_is_told_and_not_repeated():
    world = World(rooms=("#a", "#b"))
    world.dial()
    world.carry_up()
    world.carry_down()
    world.flush()
    number = world.machine.requests.asking.asked.keys()
    world.conn.receive = lambda _: None
    first, second = sorted(number)
    say(world, Error(id=first, code=Code.BAD_ROOM, text="No."))
    assert world.said(JoinRefused) == [JoinRefused("#a", Code.BAD_ROOM, "No.")]
    assert not world.said(Connected)
    say(world, Ok(id=second, room="#b"))
    assert world.said(Connected)
    assert list(world.machine.rooms.wanted) == ["#b"]


@pytest.mark.parametrize("code", [Code.STORAGE_UNAVAILABLE, Code.TOO_FAST])
def test_a_join_that_is_put_off_is_made_again_in_its_time(code):
    world = World(rooms=("#a",))
    world.dial()
    world.carry_up()
    world.carry_down()
    world.flush()
    (number,) = world.machine.requests.asking.asked.keys()
    world.conn.receive = lambda _: None
    say(world, Error(id=number, code=code, text="Not now.", retry_after=7.0))
    assert not world.said(JoinRefused)
    assert list(world.machine.rooms.wanted) == ["#a"]
    world.wait(6.5)
    assert not world.said(Connected)
    world.wait(1.3)
    world.step()
    assert world.said(Connected)


# ---- sends ------------------------------------------------------------------------------------------------


def test_no_more_sends_than_the_server_allows_are_unanswered():
    world = connected()
    for number in range(20):
        send(world, f"t{number}")
    world.carry_up()
    assert len(world.heard(Send)) == 8
    world.step()
    assert len(world.server.texts("#a")) == 20


def test_a_refused_send_renumbers_those_behind_it():
    world = connected()
    keys = [send(world, text) for text in ("one", "bad", "two", "three")]
    world.step(6)
    assert world.server.texts("#a") == ["one", "two", "three"]
    assert [refusal.key for refusal in world.said(SendRefused)] == [keys[1]]
    assert [(a.key, a.n) for a in world.said(Accepted)] == [(keys[0], 1), (keys[2], 2), (keys[3], 3)]


def test_a_full_disk_keeps_sends_queued_until_it_is_not():
    world = connected()
    world.server.full = True
    send(world, "one")
    world.step()
    assert world.said(Held)
    world.wait(3)
    world.step()
    assert not world.server.texts("#a")
    world.server.full = False
    world.wait(1.5)
    world.step()
    assert world.server.texts("#a") == ["one"]
    assert not world.said(SendRefused)


def test_a_hold_ends_in_its_time_without_anything_from_the_server():
    world = connected()
    world.server.full = True
    send(world, "one")
    world.carry_up()
    world.carry_down()
    (held,) = world.said(Held)
    assert HOLD <= held.seconds <= 1.1 * HOLD
    world.wait(held.seconds - 0.1)
    world.carry_up()
    assert len(world.heard(Send)) == 1
    world.wait(0.1)
    world.carry_up()
    assert len(world.heard(Send)) == 2


def test_what_was_taken_back_does_not_keep_those_behind_it_when_it_is_put_off():
    world = connected()
    world.server.full = True
    key = send(world, "one")
    send(world, "two")
    world.carry_up()
    world.perform(world.machine.orders.withdraw({key}))
    world.flush()
    world.saves.clear()
    world.carry_down()
    assert world.saves == [Save(urgent=True)]
    world.flush()
    world.server.full = False
    world.wait(1.1 * HOLD)
    world.carry_up()
    assert world.server.texts("#a") == ["two"]


def test_a_send_that_was_put_off_to_a_named_moment_does_not_come_sooner_on_another_link():
    world = connected()
    send(world, "one")
    begin = world.now
    world.carry_up()
    (sent,) = world.heard(Send)
    world.conn.out.clear()
    say(world, Error(id=sent.id, code=Code.TOO_FAST, text="Not now.", retry_after=20.0))
    world.cut()
    world.wait(5)
    world.step()
    assert not world.heard(Send)
    while not world.heard(Send):
        world.wait(0.1)
        world.carry_up()
        world.carry_down()
    assert 20 <= world.now - begin <= 22.2


def test_what_the_welcome_confirms_is_told_without_a_place():
    world = connected()
    key = send(world, "one")
    world.carry_up()
    world.cut()
    world.wait(1)
    world.step()
    assert world.said(Accepted) == [Accepted(key, "#a", None, None, 1)]
    assert world.server.texts("#a") == ["one"]


def test_nothing_goes_out_that_is_not_on_disk():
    world = connected()
    world.machine.orders.queue("#a", "not yet", world.now)
    world.carry_up()
    assert not world.heard(Send)
    world.flush()
    world.carry_up()
    assert world.heard(Send)


def test_answers_that_do_not_fit_end_the_link_and_the_next_welcome_sorts_it_out():
    world = connected()
    send(world, "one")
    world.carry_up()
    number = world.heard(Send)[0].id
    world.conn.out.clear()
    say(world, Error(id=number, code=Code.OUT_OF_ORDER, text="order"))
    assert "do not fit" in world.said(Lost)[0].reason
    world.settle()
    assert world.server.texts("#a") == ["one"]


# ---- events -----------------------------------------------------------------------------------------------


def event(seq, room="#a", kind="message", text="x"):
    return Event(room=room, seq=seq, ts=0, kind=kind, by="bob", text=text)


def test_a_hole_ends_the_link_and_a_doubled_event_is_ignored():
    world = connected()
    say(world, event(1))
    assert not world.said(EventSeen)
    say(world, event(5))
    assert world.said(Lost)[0].reason == "the server left out events: event 2 of #a is missing"


def test_a_gap_is_shown_and_moves_the_cursor():
    world = connected()
    say(world, Gap(room="#a", first=2, last=9))
    say(world, event(10))
    assert world.said(GapSeen) == [GapSeen("#a", "#a", 2, 9)]
    assert [seen.event.seq for seen in world.said(EventSeen)] == [10]


def test_an_unknown_kind_of_event_moves_the_cursor_and_unknown_messages_are_skipped():
    world = connected()
    say(world, event(2, kind="sparkle"))
    world.conn.out += frame(FrameType.MESSAGE, b'{"t":"novelty","x":1}')
    world.carry_down()
    assert world.machine.rooms.seen.cursors["#a"] == 2
    assert world.machine.links.state() is LinkState.CONNECTED


def test_a_room_that_was_left_elsewhere_is_given_up():
    world = connected()
    say(world, Left(room="#a"))
    assert world.said(RoomClosed) == [RoomClosed("#a", "#a")]
    world.flush()
    assert world.disk.cursors == {}
    assert not world.machine.rooms.wanted


def test_a_room_that_no_welcome_names_any_more_is_given_up():
    world = connected(rooms=("#a", "#b"), follow_all=True)
    world.machine.rooms.unwant("#b")
    world.server.members["#b"].clear()
    world.cut()
    world.wait(1)
    world.step()
    assert world.said(RoomClosed) == [RoomClosed("#b", "#b")]


# ---- requests ---------------------------------------------------------------------------------------------


def test_requests_wait_for_a_link_and_are_asked_again_where_that_is_harmless():
    world = World()
    again = [ask(world, History(id=0, room="#a")), ask(world, Topic(id=0, room="#a", text="t"))]
    world.step(1)
    world.carry_up()
    world.conn.out.clear()
    world.cut()
    assert world.replies == {}
    world.wait(1)
    world.step()
    assert [world.replies[number].id for number in again] == again


def test_a_request_that_must_not_be_asked_twice_is_told_to_be_without_an_answer():
    world = connected()
    once = ask(world, Download(id=0, transfer=1, room="#a"))
    world.cut()
    assert world.replies == {once: None}


def test_a_cancelled_request_is_not_asked():
    world = World()
    number = ask(world, History(id=0, room="#a"))
    world.machine.requests.asking.cancel(number)
    world.step()
    assert not world.heard(History)


def test_a_leave_that_was_done_before_its_answer_was_lost_succeeds():
    world = connected()
    number = ask(world, Leave(id=0, room="#a"))
    world.cut()
    world.wait(1)
    world.dial()
    world.conn._leave = lambda leave: world.conn.say(Error(id=leave.id, code=Code.NOT_A_MEMBER, text="no"))
    world.step()
    assert world.replies == {number: Ok(id=number)}


def test_a_new_nick_and_joined_rooms_are_remembered():
    world = connected()
    ask(world, Nick(id=0, nick="bea"))
    ask(world, Join(id=0, room="#later"))
    world.step()
    assert world.disk.session.nick == "bea"
    assert list(world.machine.rooms.wanted) == ["#a", "#later"]


# ---- links ------------------------------------------------------------------------------------------------


def pass_time(world, until, step=0.1):
    """Let time go by with both sides talking."""
    while world.now < until:
        world.wait(step)
        world.carry_up()
        world.carry_down()


def test_a_live_link_lives_for_ever():
    world = connected()
    pass_time(world, world.now + 120)
    assert not world.notices
    assert world.machine.links.current.round_trip.mean is not None


def test_silence_is_suspected_within_four_seconds_and_ends_the_link_after_eight():
    world = connected()
    begin = world.now
    world.reachable = False
    while not world.said(Quiet):
        world.wait(0.1)
    assert world.now - begin <= 4
    assert world.machine.links.state() is LinkState.QUIET
    while not world.said(Lost):
        world.wait(0.1)
    assert world.now - begin == pytest.approx(8, abs=0.2)
    assert world.said(Lost)[0].reason == "silent for 8 s"


@pytest.mark.parametrize("trip", [0.01, 1.0, 5.0, 60.0])
def test_silence_is_suspected_at_half_of_the_limit_whatever_was_measured(trip):
    world = connected()
    for _ in range(20):
        world.machine.links.current.round_trip.measured(trip)
    begin = world.now
    world.reachable = False
    while not world.said(Quiet):
        world.wait(0.1)
        assert world.now - begin <= 4.2


@pytest.mark.parametrize("before", [0.0, 1.0, 3.0, 3.9])
def test_a_probe_is_suspected_at_half_of_the_limit_after_the_last_byte(before):
    world = connected()
    for _ in range(20):
        world.machine.links.current.round_trip.measured(60.0)
    begin = world.now
    world.reachable = False
    world.wait(before)
    world.perform(world.machine.hurry(world.now))
    while not world.said(Quiet):
        world.wait(0.05)
        assert world.now - begin <= 4.06


def test_repeated_probes_put_no_suspicion_off():
    world = connected()
    begin = world.now
    world.reachable = False
    while not world.said(Quiet):
        world.perform(world.machine.hurry(world.now))
        world.wait(0.2)
        assert world.now - begin <= 1.0


PULSES = [(5.0, 2), (30.0, 1), (2.0, 3), (1.0, 3), (2.0, 4), (5.0, 6)]


@pytest.mark.parametrize(("interval", "misses"), PULSES)
@pytest.mark.parametrize("trip", [0.01, 60.0])
def test_any_heartbeat_suspects_at_half_of_its_limit(interval, misses, trip):
    world = World()
    world.server.pulse = Pulse(interval, misses)
    world.step()
    for _ in range(20):
        world.machine.links.current.round_trip.measured(trip)
    begin, half = world.now, interval * misses / 2
    world.reachable = False
    while not world.said(Quiet):
        world.wait(0.05)
        assert world.now - begin <= half + 0.06


@pytest.mark.parametrize(("interval", "misses"), [(5.0, 2), (30.0, 1), (2.0, 3), (1.0, 3)])
def test_a_live_link_with_few_misses_is_not_suspected(interval, misses):
    world = World()
    world.server.pulse = Pulse(interval, misses)
    world.step()
    world.notices.clear()
    pass_time(world, world.now + 60, step=0.3)
    assert not world.notices


def test_bytes_that_cannot_be_read_put_no_suspicion_off_while_nothing_is_awaited():
    world = connected()
    begin = world.now
    world.reachable = False
    while not world.said(Quiet):
        world.wait(0.2)
        link = world.machine.links.current
        link.said(world.now)  # a part of a file, which nobody answers
        world.perform(world.machine.stirred(link.number, world.now))
        assert world.now - begin <= 4.3


def test_a_second_link_takes_over_from_a_quiet_one_before_that_is_lost():
    world = connected()
    old = world.machine.links.current.number
    stuck = world.conns.pop(old)
    send(world, "said into the silence")
    world.wait(3.5)
    world.conns[old] = stuck
    assert world.machine.links.attempt.phase is Phase.GREETING
    stuck.receive = lambda _: None
    world.step()
    assert world.machine.links.current.number != old
    assert not world.said(Lost)
    assert [type(n) for n in world.notices if isinstance(n, (Quiet, Lost, Connected))] == [Quiet, Connected]
    assert world.server.texts("#a") == ["said into the silence"]
    assert [seen.event.text for seen in world.said(EventSeen)] == ["said into the silence"]


def test_a_quiet_link_that_speaks_again_is_kept_and_the_attempt_dropped():
    world = connected()
    world.reachable = False
    world.uniform = max
    world.wait(3.1)
    assert world.said(Quiet)
    link = world.machine.links.current.number
    world.perform(world.machine.received(link, frame(FrameType.PING, b"x"), world.now))
    assert world.said(Revived)
    assert world.machine.links.attempt is None
    assert not world.waiting
    assert not world.said(CannotConnect)


@pytest.mark.parametrize("asks", [True, False], ids=["asks", "old-server"])
def test_an_attempt_in_its_greeting_is_withdrawn_when_the_old_link_speaks(asks):
    world = connected()
    world.server.asks = asks
    old = world.machine.links.current.number
    world.wait(3.5)
    (second,) = set(world.conns) - {old}
    late, conn = bytes(world.up[second]), world.conns[second]
    assert late
    world.perform(world.machine.received(old, frame(FrameType.PING, b"x"), world.now))
    assert world.machine.links.attempt is None
    assert second not in world.conns
    conn.closed = False
    conn.receive(late)  # it was under way
    world.step()
    world.wait(0.5)
    world.step()
    key = send(world, "said afterwards")
    world.step()
    assert [accepted.key for accepted in world.said(Accepted)] == [key]
    assert not world.said(Stopped)
    assert len(world.said(Lost)) == (0 if asks else 1)


def test_an_attempt_that_was_asked_is_kept_when_the_old_link_speaks():
    world = connected()
    old = world.machine.links.current.number
    world.wait(3.5)
    world.carry_up()
    (second,) = set(world.conns) - {old}
    question = bytes(world.conns[second].out)
    world.conns[second].out.clear()
    world.perform(world.machine.received(second, question, world.now))
    world.perform(world.machine.received(old, frame(FrameType.PING, b"x"), world.now))
    assert world.machine.links.attempt.number == second
    world.step()
    assert world.machine.links.current.number == second
    assert not world.said(Lost)


def test_a_takeover_by_our_own_second_link_does_not_stop_us():
    world = connected()
    world.server.asks = False
    old = world.machine.links.current.number
    world.wait(3.1)
    world.carry_up()
    (first, second) = sorted(world.conns)
    assert first == old
    world.perform(world.machine.received(first, bytes(world.conns[first].out), world.now))
    assert not world.said(Stopped)
    world.settle(4)
    assert world.machine.links.current.number == second
    assert not world.said(Stopped)


def test_a_takeover_by_another_process_stops_us():
    world = connected()
    say(world, Goodbye(reason="taken-over"))
    assert world.said(Stopped)[0].code == "taken-over"
    assert not world.waiting


def test_a_stalled_client_condemns_nobody():
    world = connected()
    world.wait(1)
    world.machine.wake_at()
    world.now += 90
    world.perform(world.machine.tick(world.now))
    assert not world.said(Lost)
    assert not world.said(Quiet)
    pass_time(world, world.now + 5)
    assert not world.notices


def test_unread_bytes_say_nothing_of_the_server():
    world = connected()
    world.perform(world.machine.reading(False, world.now))
    for _ in range(60):
        world.wait(1)
        world.carry_up()
    assert not world.notices
    assert len(world.conn.out) > 20 * 5, "pings went out all the time"
    world.perform(world.machine.reading(True, world.now))
    world.carry_down()
    pass_time(world, world.now + 5)
    assert not world.notices


def test_a_server_that_accepts_and_says_nothing_fails_the_attempt_within_ten_seconds():
    world = World()
    world.dial()
    begin = world.now
    while not world.said(CannotConnect):
        world.wait(0.1)
    assert world.now - begin <= 10.2
    assert "silent for" in world.said(CannotConnect)[0].reason


def test_a_way_through_a_proxy_is_made_when_the_server_has_spoken():
    world = World(through="proxy:1")
    world.dial()
    world.wait(10.2)
    (failed,) = world.said(CannotConnect)
    assert re.fullmatch(r"nothing was heard for \d+ s of the server behind the proxy proxy:1", failed.reason)


def test_the_slot_of_a_goodbye_is_kept():
    world = connected()
    say(world, Goodbye(reason="drain", text="The daemon is stopping.", retry_after=7.5))
    assert world.said(Lost)[0].reason == "The daemon is stopping."
    assert 7.5 <= world.delays[0] <= 8.25
    assert world.machine.links.state() is LinkState.WAITING


def test_a_server_that_accepts_and_closes_at_once_is_tried_ever_more_rarely():
    world = World()
    for _ in range(8):
        world.dial()
        world.cut()
    assert world.delays == [0.0, 0.5, 1, 2, 4, 5, 5, 5, 5]


def test_failures_are_forgotten_only_after_ten_seconds_up():
    world = connected()
    for _ in range(3):
        world.cut()
        world.wait(30)
        world.step()
        pass_time(world, world.now + 2)
    pass_time(world, world.now + 11)
    world.delays.clear()
    world.cut()
    assert world.delays == [0.5]


def test_reconnect_now_skips_the_waiting_and_probes_a_live_link():
    world = connected()
    world.reachable = False
    world.cut()
    world.wait(0.6)
    assert world.machine.links.state() is LinkState.WAITING
    world.reachable = True
    world.perform(world.machine.hurry(world.now))
    world.step()
    assert world.machine.links.state() is LinkState.CONNECTED
    world.notices.clear()
    world.perform(world.machine.hurry(world.now))
    begin = world.now
    while not world.said(Quiet):
        world.wait(0.1)
    assert world.now - begin <= 1.2


def test_stop_says_goodbye_and_keeps_what_waits():
    world = connected()
    send(world, "one")
    up = next(iter(world.up.values()))
    world.perform(world.machine.stop(world.now))
    world.flush()
    assert b'"t":"goodbye"' in bytes(up)
    assert [entry.text for entry in world.disk.outbox.values()] == ["one"]
    assert world.machine.wake_at() is None


STRANGERS = {
    b"HTTP/1.1 400 Bad\r\n\r\n": "'HTTP/1.1 400 Bad'",
    b"SSH-2.0-OpenSSH_9.2p1 Debian-2\r\n": "'SSH-2.0-OpenSSH_9.2p1 De …'",
    b"220 mail ESMTP\r\n": "'220 mail ESMTP'",
    b"<html><body>Please log in</body></html>": "'<html><body>Please log i …'",
    b"* OK IMAP4rev1\r\n": "'* OK IMAP4rev1'",
    b":irc NOTICE * :hi\x1b[2J\r\n": "':irc NOTICE * :hi'",
    b"J\x00\x00\x00\x0a8.0.33\x00": "unknown bytes",
    b"\xff\xfd\x18": "unknown bytes",
    b"\x1b]0;title\x07": "unknown bytes",
    bytes(64): "unknown bytes",
    b'\x00\x00\x00\x05\x01{"x"': "unknown bytes",
    b"\x00\x00\x00\x03\x01{}": "unknown bytes",
    b"\x00\x01\x00\x01\x01": "unknown bytes",
}


@pytest.mark.parametrize("pieces", [1, 1000])
@pytest.mark.parametrize("junk", STRANGERS, ids=lambda junk: str(junk[:8]))
def test_a_stranger_is_told_in_a_sentence_and_asked_rarely(junk, pieces):
    world = World()
    for delay in (10, 20, 40, 60, 60):
        world.dial()
        for at in range(0, len(junk), pieces):
            if world.conns:
                world.conn.out += junk[at : at + pieces]
                world.carry_down()
        failed = world.said(CannotConnect)[-1]
        said = STRANGERS[junk] if pieces > 1 else "unknown bytes"
        assert failed.reason == (
            f"something else than chatd answers there (it begins with {said}); look at the address"
        )
        assert delay <= failed.retry_in <= 1.1 * delay


def test_a_welcome_that_is_cut_short_is_no_stranger():
    world = World()
    world.dial()
    world.carry_up()
    del world.conn.out[20:]
    world.carry_down()
    world.cut()
    assert world.said(CannotConnect)[0].retry_in < 1


def test_nothing_counts_before_the_welcome_and_only_one_welcome_does():
    world = World()
    world.dial()
    say(world, event(1))
    assert "spoke before its welcome" in world.said(CannotConnect)[0].reason
    world = connected()
    welcome = Welcome(
        version=1,
        software="x",
        server="model",
        session=1,
        nick="ann",
        last=0,
        now=0,
        heartbeat=world.heard(Hello)[0].heartbeat,
        limits=LIMITS,
        rooms=[],
    )
    world.conn.out += encode(welcome)
    world.carry_down()
    assert "welcome twice" in world.said(Lost)[0].reason


def test_more_rooms_than_one_hello_may_name_are_all_followed_again():
    rooms = tuple(f"#r{number}" for number in range(300))
    world = World(rooms=rooms, follow_all=True)
    world.step(6)
    world.cut()
    world.server.post("#r299", "bob", "missed")
    world.wait(1)
    world.step(6)
    (hello,) = world.heard(Hello)
    assert len(hello.cursors) == 256
    assert hello.follow == "listed"
    assert world.said(EventSeen)[-1].event.text == "missed"
    assert len(world.machine.rooms.followed) == 300
    assert not world.said(GapSeen)


def stirring(world, seconds):
    for _ in range(int(seconds * 2)):
        world.wait(0.5)
        world.perform(world.machine.stirred(world.machine.links.current.number, world.now))


def test_a_link_with_data_out_of_order_is_not_given_up():
    world = connected()
    world.reachable = False
    stirring(world, 30)
    assert not world.said(Lost)


def test_a_link_with_data_out_of_order_is_suspected_all_the_same():
    world = connected()
    world.reachable = False
    stirring(world, 4)
    assert len(world.said(Quiet)) == 1
    assert not world.said(Revived)


def test_a_link_with_data_out_of_order_gives_way_to_one_that_serves():
    world = connected()
    old = world.machine.links.current.number
    stuck = world.conns.pop(old)
    stuck.receive = lambda _: None
    stirring(world, 3.5)
    world.conns[old] = stuck
    world.step()
    assert world.machine.links.current.number != old
    assert not world.said(Lost)
