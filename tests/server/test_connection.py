"""One connection of the daemon, through the in-memory network with a fake clock."""

import msgspec
import pytest

from chatd.ops.settings import Config, LimitsConfig
from chatd.testing import Playground
from chatd.wire import messages as m
from chatd.wire.errors import CloseReason
from chatd.wire.frames import FrameType, chunk, frame
from chatd.wire.native import encode
from tests.helpers import Talker, come_in, hello, restart, sends


def only_connection(playground):
    (connection,) = playground.server.connections
    return connection


# ---- hello ----------------------------------------------------------------------------------------------


def test_a_hello_is_answered_in_one_round_trip(playground):
    playground.network.latency = 0.1
    talker = Talker(hello("alice"))
    playground.connect(talker)
    playground.advance(0.25)
    (welcome,) = talker.of(m.Welcome)
    assert (welcome.nick, welcome.last, welcome.resumed) == ("alice", 0, False)
    assert welcome.token
    assert welcome.heartbeat == m.Pulse(5.0, 6)


@pytest.mark.parametrize(
    ("wish", "agreed"),
    [
        ((2.0, 4), (2.0, 4)),
        ((0.01, 1), (1.0, 3)),
        ((3000.0, 100), (60.0, 10)),
    ],
)
def test_the_heartbeat_is_kept_within_the_servers_bounds(playground, wish, agreed):
    talker = come_in(playground, "alice", heartbeat=m.Pulse(*wish))
    assert talker.of(m.Welcome)[0].heartbeat == m.Pulse(*agreed)


def test_a_nick_in_use_is_refused_with_a_suggestion(playground):
    come_in(playground, "Alice")
    talker = come_in(playground, "ａＬＩＣＥ")  # noqa: RUF001 - the look-alike is the point
    (error,) = talker.of(m.Error)
    assert (error.code, error.suggest) == ("nick-taken", "aLICE2")
    assert talker.lost is not None


def test_a_nick_is_in_use_with_and_without_its_joiner(playground):
    midnight = "\u0646\u06cc\u0645\u200c\u0634\u0628"
    assert come_in(playground, midnight).of(m.Welcome)[0].nick == midnight
    other = come_in(playground, midnight.replace("\u200c", ""))
    (error,) = other.of(m.Error)
    assert (error.code, error.suggest) == ("nick-taken", midnight.replace("\u200c", "") + "2")


def test_a_suggestion_does_not_end_a_name_behind_its_joiner(playground):
    nick = "\u0634\u200c" * 12 + "\u0634\u0634"
    come_in(playground, nick)
    (error,) = come_in(playground, nick).of(m.Error)
    assert come_in(playground, error.suggest).of(m.Welcome)[0].nick == error.suggest


@pytest.mark.parametrize("nick", ["", "a b", "#a", "@a", "a" * 33, "a\x00", "\u200d", "🦊", "a+b"])
def test_a_wrong_nick_is_refused(playground, nick):
    talker = come_in(playground, nick)
    assert talker.of(m.Error)[0].code == "bad-nick"


@pytest.mark.parametrize(
    ("first", "code"),
    [
        (encode(m.Join(id=1, room="#a")), "hello-expected"),
        (frame(FrameType.MESSAGE, b'{"t":"dance","id":1}'), "hello-expected"),
        (encode(hello("alice", version=99)), "version-unsupported"),
        (encode(hello(token="not ours")), "unknown-session"),
        (encode(hello("alice")) * 2, "hello-repeated"),
        (b"GET / HTTP/1.1\r\n\r\n", "frame-too-large"),
        (b"\xff\xff\xff\xff\x01", "frame-too-large"),
        (b"\x00\x00\x00\x01\x09", "bad-frame"),
        (b"\x00\x00\x00\x00\x01", "bad-frame"),
        (frame(FrameType.CHUNK, b"x"), "bad-chunk"),
        (chunk(7, 0, b"x"), "bad-chunk"),
        (frame(FrameType.PING, b"x" * 65), "bad-frame"),
        (frame(FrameType.MESSAGE, b'{"t":"hello","nick":"\xff"}'), "bad-message"),
        (frame(FrameType.MESSAGE, b"[" * 60_000), "bad-message"),
        (frame(FrameType.MESSAGE, b'{"t":"hello","version":"one"}'), "bad-message"),
        (frame(FrameType.MESSAGE, b'{"t":"hello","cursors":{"#a":99999999999999999}}'), "bad-message"),
    ],
)
def test_bad_input_gets_one_error_and_ends_that_connection_alone(playground, first, code):
    bystander = come_in(playground, "bystander")
    talker = Talker()
    playground.connect(talker)
    talker.transport.write(first)
    playground.advance()
    assert [error.code for error in talker.of(m.Error)] == [code]
    assert talker.lost is not None
    assert bystander.lost is None


def test_a_cursor_beyond_the_head_is_refused_by_name(playground):
    alice = come_in(playground, "alice", m.Join(id=1, room="#a"))
    token = alice.of(m.Welcome)[0].token
    talker = come_in(playground, token=token, cursors={"#a": 2})
    (error,) = talker.of(m.Error)
    assert (error.code, error.room) == ("cursor-beyond-head", "#a")
    assert alice.lost is None


def test_a_silent_newcomer_is_sent_away(playground):
    talker = Talker()
    playground.connect(talker)
    playground.advance(9)
    assert talker.lost is None
    playground.advance(2)
    assert talker.of(m.Error)[0].code == "hello-timeout"
    assert talker.lost is not None


def test_the_server_says_when_it_is_full():
    playground = Playground(Config(limits=LimitsConfig(max_connections=1)))
    playground.start_server()
    come_in(playground, "alice")
    assert come_in(playground, "bob").of(m.Error)[0].code == "too-many-connections"


# ---- heartbeat ------------------------------------------------------------------------------------------


def test_a_silent_peer_is_pinged_and_then_reaped_at_the_limit(playground):
    talker = Talker(hello("alice", heartbeat=m.Pulse(2.0, 4)), answer_pings=False)
    playground.connect(talker)
    playground.advance(7.9)
    assert 3 <= talker.pings <= 4
    assert talker.lost is None
    playground.advance(0.7)
    assert talker.lost is not None
    assert not playground.server.connections


def test_a_peer_that_answers_pings_lives(playground):
    talker = come_in(playground, "alice", heartbeat=m.Pulse(1.0, 3))
    playground.advance(60)
    assert talker.lost is None
    assert 30 <= talker.pings <= 61


def test_a_dead_link_is_noticed_at_the_limit_and_its_session_is_free(playground):
    talker = come_in(playground, "alice", heartbeat=m.Pulse(2.0, 4))
    connection = only_connection(playground)
    playground.network.cut()
    playground.advance(9)
    assert connection.close_reason is CloseReason.SILENT
    assert talker.lost is None
    playground.network.heal()
    again = come_in(playground, token=talker.of(m.Welcome)[0].token)
    assert again.of(m.Welcome)[0].resumed


def test_a_stalled_daemon_condemns_nobody(playground):
    talker = come_in(playground, "alice", heartbeat=m.Pulse(2.0, 4))
    playground.clock.advance(90)
    playground.advance(10)
    assert talker.lost is None
    assert playground.server.connections


def test_a_client_on_a_slow_link_is_not_condemned_while_bytes_move(playground):
    talker = come_in(playground, "alice", m.Join(id=1, room="#a"), heartbeat=m.Pulse(2.0, 4))
    sender = come_in(playground, "bob", m.Join(id=1, room="#a"))
    playground.network.rate = 1000.0
    sender.say(*sends("#a", *["x" * 1000] * 100))
    playground.advance(130)
    assert talker.lost is None
    assert len(talker.texts("#a")) == 100


def test_a_peer_that_takes_nothing_is_stuck_after_the_limit(playground):
    reader = come_in(playground, "alice", m.Join(id=1, room="#a"))
    connection = only_connection(playground)
    sender = come_in(playground, "bob", m.Join(id=1, room="#a"))
    reader.transport.pauseProducing()
    sender.say(*sends("#a", *["x" * 1000] * 100))
    playground.advance(29)
    assert connection.close_reason is None
    playground.advance(3)
    assert connection.close_reason is CloseReason.STUCK
    assert sender.lost is None


def test_a_peer_that_reads_nothing_but_speaks_only_lags(playground):
    reader = come_in(playground, "alice", m.Join(id=1, room="#a"))
    sender = come_in(playground, "bob", m.Join(id=1, room="#a"))
    reader.transport.pauseProducing()
    sender.say(*sends("#a", *["x" * 1000] * 100))
    for _ in range(60):
        reader.transport.write(frame(FrameType.PING, b"1"))
        playground.advance(2)
    assert reader.lost is None
    reader.transport.resumeProducing()
    playground.advance(2)
    assert len(reader.texts("#a")) == 100


def test_a_ping_is_echoed(playground):
    talker = come_in(playground, "alice")
    talker.transport.write(frame(FrameType.PING, b"12345678"))
    playground.advance()
    assert talker.pongs == [b"12345678"]


# ---- sends, order, durability ---------------------------------------------------------------------------


def test_nothing_is_heard_before_it_is_durable(playground):
    alice = come_in(playground, "alice", m.Join(id=1, room="#a"))
    bob = come_in(playground, "bob", m.Join(id=1, room="#a"))
    playground.store.held = True
    alice.say(*sends("#a", "one"))
    playground.advance(1)
    assert not alice.texts() and not bob.texts()
    assert len(alice.of(m.Ok)) == 1
    playground.store.release()
    playground.advance()
    assert alice.texts() == bob.texts() == ["one"]
    assert alice.of(m.Ok)[-1].seq == 3


def test_a_failed_commit_renumbers_nothing_that_was_seen(playground):
    alice = come_in(playground, "alice", m.Join(id=1, room="#a"))
    playground.store.failing = OSError("disk full")
    alice.say(*sends("#a", "lost", "too"))
    playground.advance()
    assert [(e.id, e.code) for e in alice.of(m.Error)] == [
        (1001, "storage-unavailable"),
        (1002, "storage-unavailable"),
    ]
    playground.store.failing = None
    alice.say(*sends("#a", "kept"))
    playground.advance()
    assert alice.texts() == ["kept"]
    assert alice.seqs("#a") == [1, 2]


def test_what_was_built_upon_a_failed_commit_fails_too(playground):
    alice = come_in(playground, "alice", m.Join(id=1, room="#a"))
    playground.store.held = True
    playground.store.failing = OSError("disk full")
    alice.say(*sends("#a", "one"))
    playground.advance()
    alice.say(*sends("#a", "two", n=2), m.Join(id=9, room="#b"))
    playground.advance()
    playground.store.release()
    playground.advance()
    assert {e.id: e.code for e in alice.of(m.Error)} == dict.fromkeys((1001, 1002, 9), "storage-unavailable")
    playground.store.held, playground.store.failing = False, None
    alice.say(*sends("#a", "one", "two"), m.Join(id=10, room="#b"))
    playground.advance()
    assert alice.seqs("#a") == [1, 2, 3]
    assert alice.seqs("#b") == [1]


def test_a_newcomer_is_turned_away_when_the_session_cannot_be_stored(playground):
    playground.store.failing = OSError("disk full")
    talker = come_in(playground, "alice")
    assert talker.of(m.Error)[0].code == "storage-unavailable"
    assert talker.lost is not None
    playground.store.failing = None
    assert come_in(playground, "alice").of(m.Welcome)


def test_a_resumed_session_is_welcome_while_nothing_can_be_stored(playground):
    alice = come_in(playground, "alice", m.Join(id=1, room="#a"))
    bob = come_in(playground, "bob", m.Join(id=1, room="#a"))
    playground.store.failing = OSError("disk full")
    bob.say(*sends("#a", "x"))
    again = come_in(playground, token=alice.of(m.Welcome)[0].token, cursors={"#a": 0})
    assert again.of(m.Welcome)
    assert again.seqs("#a") == [1, 2]


def test_sends_are_dense_and_a_refusal_consumes_no_number(playground):
    alice = come_in(playground, "alice", m.Join(id=1, room="#a"))
    alice.say(
        m.Send(id=1, n=1, room="#a", text="one"),
        m.Send(id=2, n=2, room="#a", text=" \n"),
        m.Send(id=3, n=3, room="#a", text="three"),
        m.Send(id=4, n=2, room="#a", text="two"),
        m.Send(id=5, n=1, room="#a", text="one"),
    )
    playground.advance()
    assert {e.id: e.code for e in alice.of(m.Error)} == {2: "empty-text", 3: "out-of-order"}
    assert [ok.id for ok in alice.of(m.Ok)] == [1, 1, 4, 5]
    assert alice.texts() == ["one", "two"]


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("", "empty-text"),
        ("\u2003 ", "empty-text"),
        ("a\x00b", "control-character"),
        ("bell\x07", "control-character"),
        ("\x1b[2J", "control-character"),
        ("a\x85", "control-character"),
        ("x" * 16_385, "text-too-long"),
        ("é" * 8193, "text-too-long"),
    ],
)
def test_wrong_texts_are_refused_by_name(playground, text, code):
    alice = come_in(playground, "alice", m.Join(id=1, room="#a"), m.Send(id=2, n=1, room="#a", text=text))
    assert alice.of(m.Error)[0].code == code
    assert alice.lost is None


@pytest.mark.parametrize("text", ["x" * 16_384, '"' * 16_384, "é" * 8192, "a\tb\nc", "🦊" * 4096])
def test_right_texts_come_back_as_they_were(playground, text):
    alice = come_in(playground, "alice", m.Join(id=1, room="#a"), m.Send(id=2, n=1, room="#a", text=text))
    assert alice.texts() == [text]


# ---- resume and takeover --------------------------------------------------------------------------------


def test_a_resumed_session_gets_what_it_missed_and_then_live_events_without_a_seam(playground):
    alice = come_in(playground, "alice", m.Join(id=1, room="#a"))
    bob = come_in(playground, "bob", m.Join(id=1, room="#a"))
    bob.transport.abortConnection()
    alice.say(*sends("#a", "1", "2"))
    playground.advance()
    alice.say(*sends("#a", "3", n=3))
    bob = come_in(playground, token=bob.of(m.Welcome)[0].token, cursors={"#a": 2})
    alice.say(*sends("#a", "4", n=4))
    playground.advance()
    assert bob.seqs("#a") == [3, 4, 5, 6]
    assert bob.texts() == ["1", "2", "3", "4"]


def test_a_send_whose_acknowledgement_was_lost_has_one_effect(playground):
    alice = come_in(playground, "alice", m.Join(id=1, room="#a"))
    playground.network.cut("down")
    alice.say(*sends("#a", "once"))
    playground.advance()
    assert alice.texts() == []
    playground.network.heal()
    again = Talker(
        hello(token=alice.of(m.Welcome)[0].token, cursors={"#a": 1}), *sends("#a", "once", "twice")
    )
    playground.connect(again)
    playground.advance()
    assert again.texts() == ["once", "twice"]
    assert [ok.id for ok in again.of(m.Ok)] == [1001, 1002]


def test_a_send_that_is_still_being_committed_is_not_acknowledged_to_the_newcomer(playground):
    alice = come_in(playground, "alice", m.Join(id=1, room="#a"))
    playground.store.held = True
    alice.say(*sends("#a", "once"))
    playground.advance()
    again = Talker(hello(token=alice.of(m.Welcome)[0].token, cursors={"#a": 1}), *sends("#a", "once"))
    playground.connect(again)
    playground.advance()
    assert not again.heard
    playground.store.release()
    playground.advance()
    assert again.texts() == ["once"]
    assert playground.store.events[1].keys() == {1, 2}


def test_the_older_connection_is_fenced_off(playground):
    alice = come_in(playground, "alice", m.Join(id=1, room="#a"))
    playground.network.cut("down")
    again = Talker(hello(token=alice.of(m.Welcome)[0].token, cursors={"#a": 1}))
    playground.connect(again)
    playground.network.heal()
    alice.say(*sends("#a", "from the grave"))
    playground.advance()
    assert again.of(m.Welcome)[0].resumed
    assert again.texts() == []
    assert alice.of(m.Goodbye)[0].reason == "taken-over"


def test_takeover_shows_no_leave_and_join_to_others(playground):
    alice = come_in(playground, "alice", m.Join(id=1, room="#a"))
    bob = come_in(playground, "bob", m.Join(id=1, room="#a"))
    playground.advance(2)
    before = len(bob.heard)
    come_in(playground, token=alice.of(m.Welcome)[0].token)
    playground.advance(5)
    alice.transport.abortConnection()
    playground.advance(5)
    assert [message for message in bob.heard[before:] if not isinstance(message, m.Goodbye)] == []


def test_everything_acknowledged_survives_a_crash(playground):
    alice = come_in(
        playground,
        "alice",
        m.Join(id=1, room="#a"),
        *sends("#a", "1", "2"),
        m.Topic(id=3, room="#a", text="t"),
    )
    token = alice.of(m.Welcome)[0].token
    restart(playground)
    again = come_in(playground, token=token, cursors={"#a": 0})
    (welcome,) = again.of(m.Welcome)
    assert (welcome.last, welcome.rooms[0].topic, welcome.rooms[0].head) == (2, "t", 4)
    assert again.seqs("#a") == [1, 2, 3, 4]


def test_a_second_device_has_its_own_cursors_and_numbers(playground):
    phone = come_in(playground, "alice", m.Join(id=1, room="#a"), *sends("#a", "from the phone"))
    token = phone.of(m.Welcome)[0].token
    laptop = come_in(playground, token=token, device=True)
    (welcome,) = laptop.of(m.Welcome)
    assert welcome.token not in {"", token}
    assert (welcome.nick, welcome.last, welcome.rooms[0].room) == ("alice", 0, "#a")
    laptop.say(*sends("#a", "from the laptop"))
    playground.advance()
    assert phone.texts() == laptop.texts()[-2:] == ["from the phone", "from the laptop"]


def test_a_session_whose_welcome_was_lost_does_not_keep_its_nick(playground):
    playground.network.cut("down")
    lost = Talker(hello("alice"), m.Join(id=1, room="#a"))
    playground.connect(lost)
    playground.advance(1)
    lost.transport.abortConnection()
    playground.network.heal()
    playground.advance(1)
    again = come_in(playground, "alice", m.Join(id=1, room="#a"))
    assert again.of(m.Welcome)
    assert [event.kind for event in again.of(m.Event)] == ["join"]


def test_a_session_that_answered_the_ping_behind_its_welcome_is_kept(playground):
    alice = come_in(playground, "alice")
    alice.transport.abortConnection()
    playground.advance()
    assert come_in(playground, "alice").of(m.Error)[0].code == "nick-taken"
    assert come_in(playground, token=alice.of(m.Welcome)[0].token).of(m.Welcome)[0].resumed


def test_an_accepted_send_is_acknowledged_again_though_its_room_was_left(playground):
    alice = come_in(playground, "alice", m.Join(id=1, room="#a"), *sends("#a", "x"), m.Leave(id=2, room="#a"))
    alice.say(*sends("#a", "x"))
    playground.advance()
    assert alice.of(m.Ok)[-1].id == 1001
    assert not alice.of(m.Error)


# ---- rooms ----------------------------------------------------------------------------------------------


def test_room_names_that_differ_in_case_or_width_are_one_room(playground):
    alice = come_in(playground, "alice", m.Join(id=1, room="#Straße"))
    bob = come_in(playground, "bob", m.Join(id=1, room="#STRASSE"))
    assert alice.of(m.Rooms)[0].rooms[0].room == bob.of(m.Rooms)[0].rooms[0].room == "#strasse"


def test_direct_messages_are_found_on_the_next_connection(playground):
    bob = come_in(playground, "bob")
    token = bob.of(m.Welcome)[0].token
    bob.transport.loseConnection()
    playground.advance()
    alice = come_in(playground, "alice", *sends("@Bob", "are you there?"))
    assert alice.of(m.Ok)[0].room == "@1+2"
    bob = come_in(playground, token=token)
    (state,) = bob.of(m.Welcome)[0].rooms
    assert (state.room, state.peer) == ("@1+2", "alice")
    assert bob.texts("@1+2") == ["are you there?"]


def test_strangers_cannot_read_or_write_direct_messages(playground):
    come_in(playground, "bob")
    come_in(playground, "alice", *sends("@bob", "secret"))
    eve = come_in(
        playground,
        "eve",
        m.History(id=1, room="@1+2"),
        m.History(id=4, room="@8+9"),
        m.Join(id=2, room="@1+2"),
        m.Members(id=3, room="@1+2"),
        *sends("@1+2", "hi"),
        cursors={"@1+2": 0},
    )
    assert {e.id: e.code for e in eve.of(m.Error)} == dict.fromkeys((1, 2, 3, 4, 1001), "bad-nick")
    assert not eve.texts()


def test_leaving_is_seen_and_ends_the_following(playground):
    alice = come_in(playground, "alice", m.Join(id=1, room="#a"))
    bob = come_in(playground, "bob", m.Join(id=1, room="#a"))
    bob.say(m.Leave(id=2, room="#a"), *sends("#a", "gone"))
    playground.advance()
    alice.say(*sends("#a", "who is left?"))
    playground.advance()
    assert [e.kind for e in alice.of(m.Event)] == ["join", "join", "leave", "message"]
    assert bob.of(m.Left) == [m.Left(room="#a")]
    assert bob.of(m.Error)[0].code == "not-a-member"
    assert bob.texts() == []


def test_join_can_begin_anywhere_in_the_log(playground):
    come_in(playground, "alice", m.Join(id=1, room="#a"), *sends("#a", *map(str, range(10))))
    bob = come_in(playground, "bob", m.Join(id=1, room="#a", after=5))
    assert bob.seqs("#a") == [6, 7, 8, 9, 10, 11, 12]
    assert bob.of(m.Rooms)[0].rooms[0].cursor == 5


def test_a_listed_connection_follows_only_what_it_lists(playground):
    alice = come_in(playground, "alice", m.Join(id=1, room="#a"), m.Join(id=2, room="#b"))
    token = alice.of(m.Welcome)[0].token
    device = come_in(playground, token=token, device=True, follow="listed", cursors={"#a": 1})
    alice.say(*sends("#b", "b"), *sends("#a", "a", n=2), m.Join(id=3, room="#c"))
    playground.advance()
    assert [e.room for e in device.of(m.Event)] == ["#a"]


def test_history_pages_in_both_directions(playground):
    alice = come_in(playground, "alice", m.Join(id=1, room="#a"), *sends("#a", *map(str, range(1, 30))))

    def page(**fields):
        alice.heard.clear()
        alice.say(m.History(id=5, room="#a", **fields))
        playground.advance()
        (ok,) = alice.of(m.Ok)
        return [msgspec.json.decode(raw)["seq"] for raw in ok.events], ok.more

    assert page(limit=3) == ([28, 29, 30], True)
    assert page(before=28, limit=3) == ([25, 26, 27], True)
    assert page(before=3, limit=3) == ([1, 2], False)
    assert page(after=0, limit=2) == ([1, 2], True)
    assert page(after=28, limit=5) == ([29, 30], False)
    assert page(after=30) == ([], False)
    assert page(before=1) == ([], False)


def test_a_nick_can_be_changed_and_the_old_one_is_free(playground):
    alice = come_in(playground, "alice", m.Join(id=1, room="#a"), m.Nick(id=2, nick="Alicia"))
    assert [(e.kind, e.by, e.text) for e in alice.of(m.Event)][-1] == ("nick", "alice", "Alicia")
    assert come_in(playground, "alice").of(m.Welcome)
    assert come_in(playground, "alicia").of(m.Error)[0].code == "nick-taken"


def test_read_marks_are_kept(playground):
    alice = come_in(playground, "alice", m.Join(id=1, room="#a"), *sends("#a", "1", "2"))
    alice.say(m.Read(id=9, room="#a", seq=2))
    playground.advance()
    again = come_in(playground, token=alice.of(m.Welcome)[0].token, device=True)
    (state,) = again.of(m.Welcome)[0].rooms
    assert (state.head, state.read, state.cursor) == (3, 2, 2)
    assert again.seqs("#a") == [3]


def test_lists_come_in_pages(playground):
    joins = [m.Join(id=i, room=f"#room{i:03}") for i in range(100)]
    alice = come_in(playground, "alice", *joins)
    alice.heard.clear()
    seen = []
    after = ""
    while True:
        alice.say(m.ListRooms(id=1, after=after))
        playground.advance()
        ok = alice.of(m.Ok)[-1]
        seen += [row.room for row in ok.rooms]
        if not ok.more:
            break
        after = seen[-1]
    assert seen == [f"#room{i:03}" for i in range(100)]


def test_a_welcome_with_many_rooms_comes_in_parts(playground):
    joins = [m.Join(id=i, room=f"#room{i:03}") for i in range(100)]
    alice = come_in(playground, "alice", *joins)
    again = come_in(playground, token=alice.of(m.Welcome)[0].token)
    parts = [again.of(m.Welcome)[0], *again.of(m.Rooms)]
    assert [part.more for part in parts] == [True, True, False]
    assert sum(len(part.rooms) for part in parts) == 100


def test_members_are_listed_with_their_presence(playground):
    alice = come_in(playground, "alice", m.Join(id=1, room="#a"))
    bob = come_in(playground, "bob", m.Join(id=1, room="#a"))
    bob.say(m.Goodbye())
    playground.advance(40)
    alice.heard.clear()
    alice.say(m.Members(id=2, room="#a"))
    playground.advance()
    assert alice.of(m.Ok)[0].members == [
        m.Member(nick="alice", online=True, role="owner"),
        m.Member(nick="bob", online=False),
    ]


def test_addresses_are_shown_where_the_operator_lets_them():
    playground = Playground(Config(show_addresses=True))
    playground.start_server()
    alice = come_in(playground, "alice", m.Join(id=1, room="#a"), m.Members(id=2, room="#a"))
    assert alice.of(m.Ok)[-1].members == [
        m.Member(nick="alice", online=True, address="127.0.0.1", role="owner")
    ]


def test_presence_is_told_after_a_period_of_grace(playground):
    alice = come_in(playground, "alice", m.Join(id=1, room="#a"))
    bob = come_in(playground, "bob", m.Join(id=1, room="#a"))
    playground.advance(2)
    assert [news.online for news in alice.of(m.Presence)] == [["bob"]] or alice.of(m.Presence)
    alice.heard.clear()
    bob.transport.abortConnection()
    playground.advance(29)
    assert alice.of(m.Presence) == []
    playground.advance(3)
    assert alice.of(m.Presence) == [m.Presence(room="#a", offline=["bob"])]


# ---- slow readers and bounded memory --------------------------------------------------------------------


def test_a_slow_reader_lags_costs_nobody_anything_and_ends_complete(playground):
    slow = come_in(playground, "slow", m.Join(id=1, room="#a"))
    quick = come_in(playground, "quick", m.Join(id=1, room="#a"))
    sender = come_in(playground, "sender", m.Join(id=1, room="#a"))
    slow.transport.pauseProducing()
    texts = [f"{i} " + "x" * 1000 for i in range(2000)]
    for begin in range(0, 2000, 50):
        sender.say(*sends("#a", *texts[begin : begin + 50], n=begin + 1))
        playground.advance(0.1)
        assert len(slow.transport.pipe.buffer) == 0
        waiting = [len(c.transport.pipe.buffer) for c in playground.server.connections]
        assert max(waiting) < 200_000
    assert quick.texts() == texts
    slow.transport.resumeProducing()
    playground.advance(2)
    assert slow.texts() == texts
    assert slow.seqs("#a") == list(range(1, slow.seqs("#a")[-1] + 1))


def test_a_peer_that_asks_and_never_reads_makes_the_server_hold_little(playground):
    come_in(playground, "alice", m.Join(id=1, room="#a"), *sends("#a", *["x" * 10_000] * 20))
    greedy = come_in(playground, "greedy")
    greedy.transport.pauseProducing()
    greedy.say(*[m.History(id=i, room="#a") for i in range(1000)])
    playground.advance(5)
    held = [len(c.transport.pipe.buffer) for c in playground.server.connections]
    assert max(held) < 200_000
    greedy.transport.resumeProducing()
    playground.advance(60)
    assert len(greedy.of(m.Ok)) == 1000


def test_requests_beyond_the_limit_wait_while_the_disk_is_slow(playground):
    alice = come_in(playground, "alice", m.Join(id=1, room="#a"))
    playground.store.held = True
    alice.say(*sends("#a", *["x" * 1000] * 3000))
    playground.advance(3)
    assert alice.transport.pipe.buffer
    playground.store.held = False
    playground.store.release()
    playground.advance(5)
    assert len(alice.texts()) == 3000


def test_a_huge_room_is_served_in_parts_and_others_do_not_wait(playground, monkeypatch):
    monkeypatch.setattr("chatd.chat.publisher.AT_ONCE", 10)
    crowd = [come_in(playground, f"n{number}", m.Join(id=1, room="#huge")) for number in range(50)]
    small = [come_in(playground, f"s{number}", m.Join(id=1, room="#small")) for number in range(2)]
    later = []
    add = playground.server.delivery.add
    monkeypatch.setattr(playground.server.delivery, "add", lambda taker: later.append(taker) or add(taker))
    crowd[0].say(*sends("#huge", *map(str, range(5))))
    small[0].say(*sends("#small", "quick"))
    playground.advance(0.1)
    assert len(later) >= 40
    for talker in crowd:
        assert talker.texts() == ["0", "1", "2", "3", "4"]
        assert talker.seqs("#huge") == list(range(talker.seqs("#huge")[0], 56))
    assert small[1].texts() == ["quick"]
    crowd[1].say(*sends("#huge", "again"))
    playground.advance(0.1)
    assert all(talker.texts()[-1] == "again" for talker in crowd)


def test_retention_shows_a_gap(playground):
    alice = come_in(playground, "alice", m.Join(id=1, room="#a"), *sends("#a", *map(str, range(1, 10))))
    token = alice.of(m.Welcome)[0].token
    room = playground.server.hub.world.rooms["#a"]
    playground.server.hub.trim(room, 6)
    room.log.forget_tail()
    playground.advance()
    again = come_in(playground, token=token, cursors={"#a": 2})
    assert again.of(m.Gap) == [m.Gap(room="#a", first=3, last=5)]
    assert again.seqs("#a") == [6, 7, 8, 9, 10]
    assert again.of(m.Welcome)[0].rooms[0].first == 6


# ---- found by review ------------------------------------------------------------------------------------


def test_a_resume_confirms_a_session_whose_pong_was_lost(playground):
    first = Talker(hello("alice"), answer_pings=False)
    playground.connect(first)
    playground.advance()
    token = first.of(m.Welcome)[0].token
    again = Talker(hello(token=token), m.Join(id=1, room="#a"), answer_pings=False)
    playground.connect(again)
    playground.advance(1)
    restart(playground)
    playground.advance(1)
    assert come_in(playground, token=token).of(m.Welcome)[0].resumed


def test_a_taken_nick_that_grows_when_folded_is_refused_like_any_other(playground):
    come_in(playground, "ß" * 16)
    talker = come_in(playground, "ß" * 16)
    assert talker.of(m.Error)[0].code == "nick-taken"


def test_no_follower_is_handed_more_than_it_can_hold(playground):
    reader = come_in(playground, "reader", m.Join(id=1, room="#a"))
    writers = [come_in(playground, f"w{number}", m.Join(id=1, room="#a")) for number in range(10)]
    reader.transport.pauseProducing()
    playground.store.held = True
    for writer in writers:
        writer.say(*sends("#a", *["x" * 4000] * 50))
    playground.advance(1)
    playground.store.held = False
    playground.store.release()
    playground.advance(5)
    held = [len(connection.transport.pipe.buffer) for connection in playground.server.connections]
    assert max(held) < 250_000
    reader.transport.resumeProducing()
    playground.advance(5)
    assert len(reader.texts()) == 500


def test_a_leave_that_could_not_be_stored_changes_nothing(playground):
    alice = come_in(playground, "alice", m.Join(id=1, room="#a"))
    playground.store.failing = OSError("disk full")
    alice.say(m.Leave(id=2, room="#a"))
    playground.advance()
    playground.store.failing = None
    alice.say(*sends("#a", "still here"))
    playground.advance()
    assert not alice.of(m.Left)
    assert alice.texts() == ["still here"]


def test_a_sessions_id_is_never_given_again(playground):
    alice = Talker(hello("alice"), answer_pings=False)
    playground.connect(alice)
    playground.advance()
    alice.transport.abortConnection()
    playground.advance()
    restart(playground)
    assert come_in(playground, "bob").of(m.Welcome)[0].session > alice.of(m.Welcome)[0].session


def test_a_device_that_is_not_let_in_leaves_no_session(playground):
    alice = come_in(playground, "alice", m.Join(id=1, room="#a"))
    token = alice.of(m.Welcome)[0].token
    refused = come_in(playground, token=token, device=True, cursors={"#a": 99})
    assert refused.of(m.Error)[0].code == "cursor-beyond-head"
    assert len(playground.server.hub.world.sessions) == 1


def test_a_refused_join_or_send_makes_no_room(playground):
    come_in(playground, "bob")
    come_in(playground, "alice", m.Join(id=1, room="#new", after=5), *sends("@bob", "  "))
    assert not playground.server.hub.world.rooms


def test_pings_go_on_while_the_disk_hangs(playground):
    alice = come_in(playground, "alice", m.Join(id=1, room="#a"), heartbeat=m.Pulse(2.0, 4))
    playground.store.held = True
    alice.say(*sends("#a", *["x" * 4000] * 200))
    before = alice.pings
    playground.advance(20)
    assert alice.pings - before >= 8
    assert alice.lost is None
