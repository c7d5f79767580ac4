"""The same scenarios through every kind of connection: what all share is the same, whatever they speak."""

import hashlib

import pytest

from chatd.ops.relays import Trusted
from chatd.ops.settings import Config, LimitsConfig
from chatd.server.drain import drain
from chatd.server.factory import IRC, WEB, ChatFactory
from chatd.server.factory import KINDS as PURE
from chatd.server.relay import RelayFactory
from chatd.testing import Playground
from chatd.testing.playground import PORTS
from chatd.wire import lines, websocket
from chatd.wire import messages as m
from chatd.wire.errors import CloseReason
from chatd.wire.limits import MAX_FRAME, MAX_UNANSWERED
from chatd.wire.native import encode
from tests.helpers import TALKERS, come_in, masked, plainly, sends

KINDS = list(TALKERS)
ENCODE = {"native": encode, "json-lines": lines.encode, "web": plainly}
TOO_LONG = {
    "native": (MAX_FRAME + 1).to_bytes(4, "big") + b"\x01",
    "json-lines": b"{" * MAX_FRAME,
    "web": masked(websocket.TEXT, b"{" * MAX_FRAME)[:10],
}
"""What shows that something longer than the limit begins; no more of it is read."""

OVERHEAD = 1.25
"""What all that a connection holds may be more than what was counted."""


@pytest.fixture(params=KINDS)
def speaks(request):
    return request.param


@pytest.fixture
def enter(playground, speaks):
    """Return a function that lets somebody in, who speaks what this test is about."""

    def enter(nick="", *more, **fields):
        talker = come_in(playground, nick, *more, speaks=speaks, **fields)
        playground.advance()
        return talker

    return enter


def connection_of(playground, nick):
    return next(c for c in playground.server.connections if c.session and c.session.user.nick == nick)


def test_there_is_a_talker_for_every_kind():
    """Of IRC, which has words of its own, it is tests/irc that asks all this."""
    assert list(TALKERS) == [*PURE, WEB] == [kind for kind in PORTS if not kind.startswith(IRC)]


def test_who_leaves_right_behind_the_last_words_is_heard(playground, enter):
    """The end may be seen before the visit at which they are taken: many leave at once."""
    ann = enter("ann", m.Join(id=1, room="#tea"), *sends("#tea", "one", "two"))
    ben = come_in(playground, "ben", m.Join(id=1, room="#tea"))
    token = ann.of(m.Welcome)[0].token
    ann.say(m.Read(id=3, room="#tea", seq=3), *sends("#tea", "three", n=3), m.Goodbye())
    ann.transport.loseConnection()
    playground.advance()
    assert ben.texts() == ["three"]
    ann = enter(token=token)
    assert ann.of(m.Welcome)[0].rooms[0].read == 3
    ann.say(m.Goodbye(forget=True))
    ann.transport.loseConnection()
    playground.advance()
    assert len(playground.server.hub.world.sessions) == 1


def test_what_is_wrong_in_the_last_words_concerns_nobody(playground, enter, speaks, said):
    ann = enter("ann", m.Join(id=1, room="#tea"))
    ann.say(*sends("#tea", "one"))
    ann.transport.write(TOO_LONG[speaks])
    ann.transport.loseConnection()
    playground.advance()
    assert playground.server.hub.world.rooms["#tea"].log.head == 2
    assert not said("refused")
    assert not playground.server.connections


def test_join_talk_and_leave(playground, enter):
    ann = enter("ann", m.Join(id=1, room="#a"))
    ben = enter("ben", m.Join(id=1, room="#a"))
    ann.say(*sends("#a", "one", "two"), m.Topic(id=5, room="#a", text="tea"))
    playground.advance()
    ben.say(m.Leave(id=2, room="#a"), m.Members(id=3, room="#a"), m.ListRooms(id=4))
    playground.advance()
    ann.say(*sends("#a", "alone", n=3), m.History(id=6, room="#a", limit=3), m.Read(id=7, room="#a", seq=2))
    playground.advance()
    assert ann.texts() == ["one", "two", "alone"]
    assert ben.texts() == ["one", "two"]
    assert ann.seqs("#a") == list(range(1, 8))
    assert ben.of(m.Left) == [m.Left(room="#a")]
    told = {ok.id: ok for ok in ben.of(m.Ok)}
    assert [member.nick for member in told[3].members] == ["ann"]
    assert [(room.room, room.topic) for room in told[4].rooms] == [("#a", "tea")]
    page = next(ok for ok in ann.of(m.Ok) if ok.id == 6)
    assert len(page.events) == 3
    assert page.more
    assert not ann.of(m.Error) + ben.of(m.Error)


def test_all_kinds_share_a_room(playground):
    crowd = [
        come_in(playground, f"n{i}", m.Join(id=1, room="#a"), speaks=speaks) for i, speaks in enumerate(KINDS)
    ]
    playground.advance(2)
    for n in (1, 2):
        for talker in crowd:
            talker.say(*sends("#a", f"by {crowd.index(talker)}", n=n))
        playground.advance()
    events = [talker.of(m.Event) for talker in crowd]
    assert all(each[-4:] == events[0][-4:] for each in events)
    assert {talker.of(m.Presence)[0].room for talker in crowd} == {"#a"}


def test_a_session_is_resumed_by_any_kind(playground, speaks):
    first = come_in(playground, "ann", m.Join(id=1, room="#a"), *sends("#a", "one"), speaks=speaks)
    playground.advance()
    token = first.of(m.Welcome)[0].token
    ben = come_in(playground, "ben", m.Join(id=1, room="#a"))
    playground.network.cut("down")
    ben.say(*sends("#a", "missed"))
    playground.advance(1)
    for again in KINDS:
        playground.network.heal()
        back = come_in(playground, token=token, cursors={"#a": 2}, speaks=again)
        playground.advance()
        welcome = back.of(m.Welcome)[0]
        assert (welcome.resumed, welcome.last, welcome.token) == (True, 1, "")
        assert back.seqs("#a") == [3, 4]
        assert back.texts() == ["missed"]
        assert back.pings == 0
    assert first.of(m.Goodbye)[-1].reason == CloseReason.TAKEN_OVER


def test_the_pong_behind_the_welcome_confirms_the_session(playground, speaks):
    known = come_in(playground, "ann", speaks=speaks)
    doubtful = come_in(playground, "ben", speaks=speaks, answer_pings=False)
    playground.advance(1)
    assert known.pings == doubtful.pings == 1
    known.transport.abortConnection()
    doubtful.transport.abortConnection()
    playground.advance(1)
    for nick, kept in [("ann", True), ("ben", False)]:
        talker = come_in(playground, nick, speaks=speaks)
        playground.advance()
        assert bool(talker.of(m.Error)) is kept


def test_what_is_sent_again_appears_once(playground, enter):
    ann = enter("ann", m.Join(id=1, room="#a"), *sends("#a", "once"), *sends("#a", "once"))
    playground.advance()
    assert ann.texts() == ["once"]
    assert len([ok for ok in ann.of(m.Ok) if ok.id == 1001]) == 2


def test_nothing_is_heard_before_it_is_durable(playground, enter):
    ann = enter("ann", m.Join(id=1, room="#a"))
    playground.store.held = True
    ann.say(*sends("#a", "one"))
    playground.advance(1)
    assert not ann.texts()
    playground.store.release()
    playground.advance()
    assert ann.texts() == ["one"]


def test_a_failed_commit_is_told(playground, enter):
    ann = enter("ann", m.Join(id=1, room="#a"))
    playground.store.failing = OSError("disk full")
    ann.say(*sends("#a", "lost"))
    playground.advance()
    playground.store.failing = None
    ann.say(*sends("#a", "kept"))
    playground.advance()
    assert [error.code for error in ann.of(m.Error)] == ["storage-unavailable"]
    assert ann.texts() == ["kept"]
    assert ann.seqs("#a") == [1, 2]


def test_a_slow_reader_lags_costs_little_and_ends_complete(playground, enter):
    slow = enter("slow", m.Join(id=1, room="#a"))
    quick = enter("quick", m.Join(id=1, room="#a"))
    slow.transport.pauseProducing()
    texts = [f"{i} " + "x" * 1000 for i in range(1500)]
    for begin in range(0, len(texts), 50):
        quick.say(*sends("#a", *texts[begin : begin + 50], n=begin + 1))
        playground.advance(0.1)
        assert max(len(c.transport.pipe.buffer) for c in playground.server.connections) < 200_000
    playground.server.hub.world.rooms["#a"].log.forget_tail()
    assert quick.texts() == texts
    slow.transport.resumeProducing()
    playground.advance(3)
    assert slow.texts() == texts
    assert slow.seqs("#a") == list(range(1, len(texts) + 3))


def test_a_gap_is_told(playground, speaks):
    ann = come_in(
        playground, "ann", m.Join(id=1, room="#a"), *sends("#a", *map(str, range(9))), speaks=speaks
    )
    playground.advance()
    room = playground.server.hub.world.rooms["#a"]
    playground.server.hub.trim(room, 6)
    room.log.forget_tail()
    playground.advance()
    again = come_in(playground, token=ann.of(m.Welcome)[0].token, cursors={"#a": 2}, speaks=speaks)
    playground.advance()
    assert again.of(m.Gap) == [m.Gap(room="#a", first=3, last=5)]
    assert again.seqs("#a") == [6, 7, 8, 9, 10]


def test_a_peer_that_asks_and_never_reads_makes_the_server_hold_little(playground, enter):
    enter("ann", m.Join(id=1, room="#a"), *sends("#a", *["x" * 10_000] * 20))
    greedy = enter("greedy")
    greedy.transport.pauseProducing()
    greedy.say(*[m.History(id=i, room="#a") for i in range(300)])
    playground.advance(5)
    assert max(len(c.transport.pipe.buffer) for c in playground.server.connections) < 200_000
    greedy.transport.resumeProducing()
    playground.advance(30)
    assert len(greedy.of(m.Ok)) == 300


def test_requests_beyond_the_limit_wait(playground, enter):
    ann = enter("ann", m.Join(id=1, room="#a"))
    playground.store.held = True
    ann.say(*sends("#a", *["x" * 10] * 3000))
    playground.advance(3)
    connection = connection_of(playground, "ann")
    assert connection.messages_in <= MAX_UNANSWERED + 4
    assert len(connection.input.decoder) < 2 * MAX_FRAME * OVERHEAD
    assert ann.transport.pipe.buffer
    playground.store.held = False
    playground.store.release()
    playground.advance(5)
    assert len(ann.texts()) == 3000


def test_what_stands_behind_a_page_of_history_is_taken_after_it(playground, enter):
    ann = enter("ann", m.Join(id=1, room="#a"))
    first, then = sends("#a", "one", "two"), sends("#a", "three", "four", n=3)
    ann.say(*first, m.History(id=7, room="#a"), *then)
    playground.advance()
    assert sorted(ok.id for ok in ann.of(m.Ok)) == [1, 7, 1001, 1002, 1003, 1004]
    assert ann.texts() == ["one", "two", "three", "four"]


def test_an_unknown_request_among_others_is_refused_in_its_turn(playground, speaks, enter):
    ann = enter("ann", m.Join(id=1, room="#a"))
    unknown = ENCODE[speaks](m.Leave(id=7, room="#a")).replace(b"leave", b"dance")
    ann.transport.write(b"".join([*map(ENCODE[speaks], sends("#a", "one")), unknown]))
    ann.say(*sends("#a", "two", n=2))
    playground.advance()
    assert [answer.id for answer in ann.heard if isinstance(answer, m.Ok | m.Error)] == [1, 1001, 7, 1002]
    assert ann.texts() == ["one", "two"]


def test_what_came_before_something_wrong_has_its_effect(playground, speaks, enter):
    ann, ben = enter("ann", m.Join(id=1, room="#a")), enter("ben", m.Join(id=1, room="#a"))
    bad = ENCODE[speaks](m.Leave(id=9, room="#a")).replace(b'"#a"', b"1234")
    ann.transport.write(b"".join([*map(ENCODE[speaks], sends("#a", "one", "two")), bad]))
    ann.say(*sends("#a", "three", n=3))
    playground.advance(6)
    assert ben.texts() == ["one", "two"]
    assert ann.lost is not None


def test_a_session_that_asks_too_much_waits(speaks):
    playground = Playground(Config(limits=LimitsConfig(requests_per_second=10)))
    playground.start_server()
    ann = come_in(playground, "ann", *[m.ListRooms(id=i) for i in range(100)], speaks=speaks)
    playground.advance(5)
    assert len(ann.of(m.Ok)) < 100
    playground.advance(60)
    assert len(ann.of(m.Ok)) == 100


def test_what_is_too_long_is_refused_before_it_has_come(playground, speaks, enter):
    ann, ben = enter("ann", m.Join(id=1, room="#a")), enter("ben", m.Join(id=1, room="#a"))
    ann.transport.write(TOO_LONG[speaks])
    playground.advance(6)
    assert [error.code for error in ann.of(m.Error)] == ["frame-too-large"]
    assert ann.lost is not None
    ben.say(*sends("#a", "still here"))
    playground.advance()
    assert ben.texts() == ["still here"]


def test_what_is_no_message_costs_one_error_and_the_connection(playground, speaks, enter, said):
    ann = enter("ann")
    connection = connection_of(playground, "ann")
    bad = ENCODE[speaks](m.Leave(id=1, room="#a")).replace(b'"#a"', b"1234")
    ann.transport.write(bad * 3)
    playground.advance(6)
    assert [error.code for error in ann.of(m.Error)] == ["bad-message"]
    assert ann.lost is not None
    assert connection.close_reason is CloseReason.BAD_INPUT
    assert len(said("refused")) == 1


def test_an_unknown_request_is_refused_and_the_connection_lives(playground, speaks, enter):
    ann = enter("ann")
    dance = ENCODE[speaks](m.Nick(id=1, nick="x")).replace(b'"nick"', b'"pick"', 1)
    ann.transport.write(dance)
    playground.advance(1)
    assert [(error.id, error.code) for error in ann.of(m.Error)] == [(1, "unsupported")]
    assert ann.lost is None


@pytest.mark.parametrize(
    "message",
    [m.Join(id=1, room="#a"), m.Progress(transfer=1, received=1, stored=1)],
    ids=["join", "progress"],
)
def test_a_hello_has_to_come_first_and_once(playground, speaks, message):
    early = TALKERS[speaks](message)
    playground.connect(early, speaks)
    twice = come_in(playground, "ann", m.Hello(nick="ben"), speaks=speaks)
    playground.advance(6)
    assert [error.code for error in early.of(m.Error)] == ["hello-expected"]
    assert [error.code for error in twice.of(m.Error)] == ["hello-repeated"]


def test_whoever_says_nothing_is_refused_in_time(playground, speaks):
    mute = TALKERS[speaks]()
    playground.connect(mute, speaks)
    playground.advance(11)
    assert [error.code for error in mute.of(m.Error)] == ["hello-timeout"]


def test_pings_go_both_ways_and_silence_ends_the_connection(playground, enter):
    ann = enter("ann", heartbeat=m.Pulse(2.0, 4))
    mute = enter("mute", heartbeat=m.Pulse(2.0, 4), answer_pings=False)
    connection = connection_of(playground, "mute")
    ann.say(m.Ping(data="now"))
    playground.advance(30)
    assert ann.pongs == [b"now"]
    assert ann.pings >= 10
    assert ann.lost is None
    assert mute.lost is not None
    assert connection.close_reason is CloseReason.SILENT


def test_the_daemon_says_goodbye_and_when_to_come_back(playground, enter):
    ann = enter("ann")
    drain(playground.server, playground.clock, lambda: True, playground.config.drain).send(None)
    playground.advance(1)
    goodbye = ann.of(m.Goodbye)[0]
    assert goodbye.reason == CloseReason.DRAIN
    assert goodbye.retry_after is not None


def test_limits_per_address_count_all_kinds(monkeypatch):
    monkeypatch.setattr("chatd.server.budgets.is_local", lambda _: False)
    playground = Playground(Config(limits=LimitsConfig(max_connections_per_address=len(KINDS))))
    playground.start_server()
    crowd = [come_in(playground, f"n{i}", speaks=speaks) for i, speaks in enumerate(KINDS)]
    refused = [come_in(playground, f"r{i}", speaks=speaks) for i, speaks in enumerate(KINDS)]
    playground.advance(1)
    assert all(talker.of(m.Welcome) for talker in crowd)
    over_http = refused.pop(KINDS.index("web"))
    assert over_http.head.startswith(b"HTTP/1.1 503 ")
    assert all(talker.of(m.Error)[0].code == "too-many-connections" for talker in refused)


def test_a_relay_stands_before_all_kinds(playground, speaks):
    chat = ChatFactory(speaks, playground.server)
    playground.network.listen(RelayFactory(chat, chat, Trusted(["127.0.0.0/8"])), PORTS[speaks])
    ann = TALKERS[speaks](m.Hello(nick="ann"))
    ann.preface = b"PROXY TCP4 192.0.2.1 192.0.2.2 5000 7411\r\n"
    playground.network.connect(ann, PORTS[speaks])
    playground.advance(1)
    assert ann.of(m.Welcome)
    assert [connection.address for connection in playground.server.connections] == ["192.0.2.1:5000"]


def test_the_log_tells_what_a_connection_speaks(playground, speaks, said):
    come_in(playground, "ann", speaks=speaks)
    assert [fields["protocol"] for fields in said("client-in")] == [speaks]


# ---- what only some kinds do ----------------------------------------------------------------------------


def test_files_are_moved_by_kinds_that_take_them(tmp_path, speaks):
    playground = Playground(folder=tmp_path)
    playground.start_server()
    digest = hashlib.sha256(b"").hexdigest()
    upload = m.Upload(id=2, transfer=1, size=0, sha256=digest)
    native = come_in(playground, "nat", m.Join(id=1, room="#a"), upload)
    playground.advance(1)
    native.say(m.Send(id=3, n=1, room="#a", text="", file=m.File(name="f", size=0, sha256=digest)))
    playground.advance(1)
    ann = come_in(playground, "ann", m.Join(id=1, room="#a", after=0), speaks=speaks)
    ann.say(upload, m.Download(id=3, transfer=2, room="#a", seq=2))
    ann.say(m.Upload(id=4, transfer=3, size=1, sha256="no digest"), m.Cancel(transfer=9))
    ann.say(m.Send(id=5, n=1, room="#a", text="", file=m.File(name="again", size=0, sha256=digest)))
    playground.advance(1)
    takes = speaks != "json-lines"
    answers = {one.id: one for one in ann.heard if isinstance(one, m.Ok | m.Error)}
    expected = ["ok", "ok", "bad-file"] if takes else ["unsupported"] * 3
    assert [getattr(answers[i], "code", "ok") for i in (2, 3, 4)] == expected
    assert answers[5] == m.Ok(id=5, seq=4, ts=answers[5].ts)
    assert [e.file.name for e in ann.of(m.Event) if e.kind == "file"] == ["f", "again"]
    told = ann.of(m.Welcome)[0].limits
    assert all([told.file, told.window, told.transfers]) is takes
    assert any([told.file, told.window, told.transfers]) is takes
    assert ann.lost is None


def test_blank_lines_are_signs_of_life_that_cost(playground):
    ann = come_in(playground, "ann", speaks="json-lines", heartbeat=m.Pulse(2.0, 4), answer_pings=False)
    playground.advance()
    left = connection_of(playground, "ann").input.gate.allowance.left
    for blank in (b"\n", b"\r\n", b" \t\n") * 10:
        ann.transport.write(blank)
        playground.advance(1)
    assert ann.lost is None
    assert connection_of(playground, "ann").messages_in == 1
    assert connection_of(playground, "ann").input.gate.allowance.left < left
    assert not ann.of(m.Error)


@pytest.mark.parametrize("verb", [b"GET / HTTP/1.1", b"POST /x HTTP/1.1", b"OPTIONS *", b"TRACE /", b"PUT /"])
def test_an_http_request_ends_at_its_verb(playground, verb):
    browser = TALKERS["json-lines"]()
    playground.connect(browser, "json-lines")
    browser.transport.write(verb[:5])
    playground.advance(0)
    assert [error.code for error in browser.of(m.Error)] == ["bad-message"]
    assert "HTTP" in browser.of(m.Error)[0].text
    browser.transport.write(b'\r\n\r\n{"t":"hello","nick":"eve"}\n')
    playground.advance(6)
    assert browser.lost is not None
    assert not playground.server.hub.world.sessions


def test_whoever_speaks_another_kind_is_told(playground):
    for speaks, other in [("native", "json-lines"), ("json-lines", "native")]:
        lost = TALKERS[speaks]()
        playground.connect(lost, speaks)
        lost.transport.write(ENCODE[other](m.Hello(nick="ann")))
        playground.advance(6)
        assert other in lost.of(m.Error)[0].text
        assert lost.lost is not None
