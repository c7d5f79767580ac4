"""What operators change in a running daemon is durable before it is said to be done."""

from dataclasses import replace

import pytest

from chatd.chat import accounts
from chatd.chat.changes.rows import OPERATOR
from chatd.client.cli.order import words
from chatd.control import messages as c
from chatd.control.cli.acts import span
from chatd.control.messages import Done, Refused
from chatd.control.rows import UserRow
from chatd.control.table import REQUESTS
from chatd.ops.differences import Report
from chatd.wire import messages as m
from tests.control.test_banning import come_from
from tests.helpers import come_in, restart, sends


def do(site, asked, wait=0.5):
    """Return how ``asked`` ends."""
    asker = site.connect()
    asker.ask(asked)
    site.playground.advance(wait)
    (end,) = asker.ended
    asker.transport.loseConnection()
    site.playground.advance()
    return end


def right(site, asked):
    end = do(site, asked)
    assert isinstance(end, Done), end
    return end.text


def wrong(site, asked):
    end = do(site, asked)
    assert isinstance(end, Refused), end
    return end.code


def kinds(talker):
    return [(event.kind, event.by, event.whom) for event in talker.of(m.Event)]


@pytest.fixture
def pair(site):
    """Ann, who made a room and is an operator of the server, and ben, who is in it."""
    ann = come_in(site.playground, "ann", m.Join(id=1, room="#a"), wait=0.1)
    ben = come_in(site.playground, "ben", m.Join(id=1, room="#a"), wait=0.1)
    world = site.server.hub.world
    accounts.make(world, world.nicks["ann"], "", 0)
    accounts.set_flag(world, world.nicks["ann"], OPERATOR, on=True)
    site.playground.advance(0.1)
    return ann, ben


def test_nobody_stands_above_the_console(site, pair):
    ann, ben = pair
    assert right(site, c.AskKick(whom="ann", room="#a", reason="tired")) == "ann is not in #a any more."
    assert kinds(ben)[-1] == ("kick", "*", "ann")
    assert ann.lost is None
    event = ben.of(m.Event)[-1]
    assert (event.operator, event.reason) == (True, "tired")
    assert wrong(site, c.AskKick(whom="ann", room="#a")) == "no-such-user"
    assert wrong(site, c.AskKick(whom="ben", room="#nowhere")) == "no-such-room"


def test_bans_and_mutes(site, pair):
    _, ben = pair
    right(site, c.AskMute(whom="ben", room="#a", seconds=60))
    ben.say(*sends("#a", "let me speak"))
    site.playground.advance(0.1)
    assert ben.of(m.Error)[-1].code == "muted"
    right(site, c.AskUnmute(whom="ben", room="#a"))
    right(site, c.AskBan(whom="ben", room="#a", reason="no"))
    assert kinds(ben)[-3:] == [("mute", "*", "ben"), ("unmute", "*", "ben"), ("ban", "*", "ben")]
    ben.say(m.Join(id=7, room="#a"))
    site.playground.advance(0.1)
    assert ben.of(m.Error)[-1].code == "banned"
    right(site, c.AskUnban(whom="ben", room="#a"))
    assert wrong(site, c.AskUnban(whom="ben", room="#a")) == "no-such-act"
    ben.say(m.Join(id=8, room="#a"))
    site.playground.advance(0.1)
    assert ben.of(m.Ok)[-1].id == 8


@pytest.mark.parametrize("kind", [c.AskBan, c.AskUnban, c.AskMute, c.AskUnmute])
def test_without_a_room_it_is_said_what_else_there_is(site, kind):
    assert wrong(site, kind(whom="ben")) == "no-such-room"


def test_a_room_that_there_is_not_is_told_in_an_operators_words(site, pair):
    del pair
    for kind in (c.AskKick, c.AskAppoint, c.AskBan, c.AskUnban, c.AskMute, c.AskUnmute):
        end = do(site, kind(whom="ben", room="#nope"))
        assert (end.code, end.text) == (
            "no-such-room",
            "There is no room #nope; chatctl rooms lists them.",
        )


@pytest.mark.parametrize("whom", ["300.1.1.1/24", "2001:db8::zz", "ben/8"])
def test_what_is_meant_as_addresses_and_is_none_is_no_nick(site, pair, whom):
    del pair
    for kind in (c.AskBan, c.AskUnban):
        end = do(site, kind(whom=whom, room="#a"))
        assert (end.code, f"{whom} is no address" in end.text) == ("bad-value", True)


def test_a_ban_of_addresses(site, pair):
    ann, _ = pair
    come_from(site, "192.0.2.7", "cem").say(m.Join(id=1, room="#a"))
    site.playground.advance(0.2)
    right(site, c.AskBan(whom="192.0.2.0/24", room="#a"))
    assert kinds(ann)[-1] == ("kick", "*", "cem")
    for whom in ("127.0.0.1", "::1", "127.0.0.0/8", "::ffff:127.0.0.1"):
        assert wrong(site, c.AskBan(whom=whom, room="#a")) == "bad-value"
    assert kinds(ann)[-1] == ("kick", "*", "cem")


def test_sessions_of_a_nick_end_and_whoever_is_a_guest_begins_anew(site, pair):
    ann, ben = pair
    token = ben.of(m.Welcome)[0].token
    wrong(site, c.AskKick(whom="ben", reason="\x1b[31m"))
    assert right(site, c.AskKick(whom="ben", reason="too loud")) == "1 session of ben is ended."
    assert ben.of(m.Goodbye)[-1].reason == "ended"
    assert "(too loud)" in ben.of(m.Goodbye)[-1].text
    assert ("leave", "ben", "") in kinds(ann)
    again = come_in(site.playground, token=token, wait=0.1)
    assert again.of(m.Error)[0].code == "unknown-session"
    assert wrong(site, c.AskKick(whom="ben")) == "no-such-user"


def test_a_connection_by_its_number(site, pair):
    _, ben = pair
    number = next(one.number for one in site.server.connections if one.session.user.nick == "ben")
    assert "of ben" in right(site, c.AskKick(whom=str(number), reason="too loud"))
    assert ben.of(m.Goodbye)[-1].reason == "ended"
    assert "(too loud)" in ben.of(m.Goodbye)[-1].text
    assert wrong(site, c.AskKick(whom="4711")) == "no-such-connection"
    silent = come_in(site.playground)
    site.playground.advance()
    number = max(one.number for one in site.server.connections)
    right(site, c.AskKick(whom=str(number)))
    site.playground.advance(6)
    assert silent.lost is not None


def test_a_disk_that_takes_nothing_changes_nothing(site, pair):
    ann, ben = pair
    site.playground.store.failing = OSError("full")
    before = len(kinds(ann))
    assert wrong(site, c.AskKick(whom="ben", room="#a")) == "storage-unavailable"
    assert wrong(site, c.AskUserAdd(nick="dora")) == "storage-unavailable"
    assert wrong(site, c.AskAnnounce(text="hear!", room="#a")) == "storage-unavailable"
    site.playground.store.failing = None
    assert len(kinds(ann)) == before
    assert wrong(site, c.AskUserEnable(nick="dora")) == "no-such-user"
    ben.say(*sends("#a", "still here"))
    site.playground.advance(0.2)
    assert ann.texts() == ["still here"]


def test_the_server_speaks_in_a_room_where_it_stays(site, pair):
    ann, _ = pair
    assert right(site, c.AskAnnounce(text="Tea at five.", room="#A")) == "It is event 3 of #a."
    event = ann.of(m.Event)[-1]
    assert (event.kind, event.by, event.text) == ("announce", "*", "Tea at five.")
    assert wrong(site, c.AskAnnounce(text="Tea", room="#b")) == "no-such-room"
    assert wrong(site, c.AskAnnounce(text="Tea", room="@ann")) == "no-such-room"
    assert wrong(site, c.AskAnnounce(text=" ", room="#a")) == "empty-text"
    restart(site.playground)
    late = come_in(site.playground, "cem", m.Join(id=1, room="#a", after=0), wait=0.5)
    assert ("announce", "*", "") in kinds(late)


def test_the_server_speaks_to_everybody_who_is_there(site, pair):
    lines = come_in(site.playground, "cem", speaks="json-lines", wait=0.1)
    silent = come_in(site.playground)
    site.playground.advance()
    assert right(site, c.AskAnnounce(text="Restart at\nfive.")) == "3 connections were told."
    for talker in (*pair, lines):
        assert [said.text for said in talker.of(m.Announcement)] == ["Restart at\nfive."]
    assert silent.of(m.Announcement) == []


def test_accounts_while_people_are_there(site, pair, said):
    _, ben = pair
    assert wrong(site, c.AskUserAdd(nick="ben", password="hash")) == "already-there"
    assert right(site, c.AskUserAdd(nick="ben", password="hash", guest=True)) == "ben is an account now."
    assert ben.lost is None
    (ann_row, ben_row) = site.ask(c.AskUserList(), UserRow)
    assert (ann_row.nick, ben_row.nick, ben_row.sessions, ben_row.password) == ("ann", "ben", 1, True)
    right(site, c.AskUserDisable(nick="BEN"))
    assert ben.of(m.Goodbye)[-1].reason == "ended"
    assert site.ask(c.AskUserList(), UserRow)[1].disabled
    right(site, c.AskUserEnable(nick="ben"))
    right(site, c.AskUserOperator(nick="ben"))
    right(site, c.AskUserPasswd(nick="ben", password="other"))
    assert right(site, c.AskUserFind(nick="Ben")) == "ben"
    assert len(right(site, c.AskUserInvite(uses=3))) == 19
    right(site, c.AskUserDelete(nick="ben"))
    restart(site.playground)
    assert site.playground.server.hub.world.nicks["ben"].deleted
    told = [line["request"] for line in said("operated")]
    assert told == [
        *("user-add", "user-disable", "user-enable", "user-operator", "user-passwd"),
        *("user-invite", "user-delete"),
    ]
    assert not any("hash" in str(line) or "other" in str(line.values()) for line in said("operated"))


def test_the_daemon_is_told_of_levels_and_of_its_end(site):
    right(site, c.AskLogLevel(namespace="chatd.server", level="debug"))
    right(site, c.AskLogLevel(namespace="chatd.server", level=""))
    assert site.levels == [("chatd.server", "debug"), ("chatd.server", "")]
    assert "within 30 seconds" in right(site, c.AskDrain(over=30.0))
    assert site.stopped == [30.0]
    site.server.draining = True
    assert wrong(site, c.AskDrain()) == "draining"


@pytest.mark.parametrize("registration", ["closed", "invite", "open"])
def test_a_code_that_does_not_serve_yet_is_told_as_that(site, registration):
    world = site.server.hub.world
    world.terms = replace(world.terms, registration=registration)
    end = do(site, c.AskUserInvite(uses=3))
    assert ("Registration is closed" in end.note) == (registration == "closed")


def test_every_request_has_a_role_and_an_answer():
    asked = set(c.Asked.__args__)
    assert set(REQUESTS) == asked
    assert all(REQUESTS[kind].role for kind in asked)


def test_a_reload_says_what_became_of_it(site):
    site.report = Report(applied=("limits.max_rooms",), restart=("data",))
    assert site.ask(c.AskReload(), Report) == [site.report]
    site.report = Report(problems=("listen: there is none.",))
    end = do(site, c.AskReload())
    assert (end.code, end.text) == ("bad-configuration", "listen: there is none.")


def test_an_upgrade_is_answered_when_the_successor_is_ready_or_says_why_there_is_none(site):
    assert "takes over" in right(site, c.AskUpgrade())
    site.hindrance = "The new program has ended."
    assert wrong(site, c.AskUpgrade()) == "no-successor"


def test_a_room_without_an_owner_gets_one(site, pair):
    ann, ben = pair
    ann.say(m.Leave(id=5, room="#a"))
    site.playground.advance(0.1)
    assert wrong(site, c.AskAppoint(whom="ann", room="#a")) == "no-such-user"
    assert right(site, c.AskAppoint(whom="ben", room="#a")) == "ben owns #a now."
    assert kinds(ben)[-1] == ("role", "*", "ben")
    ben.say(m.Set(id=6, room="#a", rule="slow", value="5"))
    site.playground.advance(0.1)
    assert not ben.of(m.Error)


@pytest.mark.parametrize("time", ["30s", "10min", "10m", "2h", "7d"])
def test_times_are_written_as_in_a_conversation(time):
    assert span(None, None, time) == words(f"ben {time}", timed=True).seconds > 0
