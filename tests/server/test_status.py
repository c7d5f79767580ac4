"""Status: away and busy are told to who shares a room, shown in lists, and end by the calendar."""

import pytest

from chatd.chat.changes.rows import PutStatus
from chatd.chat.directory import STATUS_BYTES
from chatd.testing import Playground
from chatd.wire import messages as m
from chatd.wire.errors import Code
from chatd.wire.limits import MAX_FRAME, MAX_STATUS, MAX_STATUS_SECONDS
from chatd.wire.native import encode
from tests.helpers import ask, come_in, guests, restart, sends


@pytest.fixture
def playground():
    playground = Playground()
    playground.start_server()
    return playground


def enter(playground, nick, room="#tea", **fields):
    return come_in(playground, nick, m.Join(id=1, room=room), wait=0.1, **fields)


def be(playground, talker, state="", text="", seconds=0, wait=1.1):
    answer = ask(playground, talker, m.SetStatus(id=7, state=state, text=text, seconds=seconds))
    playground.advance(wait)
    return getattr(answer, "code", None)


def told(talker, room="#tea"):
    return [
        (one.nick, one.state, one.text)
        for presence in talker.of(m.Presence)
        if presence.room == room
        for one in presence.statuses
    ]


def listed(playground, talker, nick, room="#tea"):
    rows = ask(playground, talker, m.Members(id=8, room=room)).members
    return next(row.status for row in rows if row.nick == nick)


def test_who_shares_a_room_is_told_and_lists_show_it(playground):
    ann, ben = enter(playground, "ann"), enter(playground, "ben")
    eve = enter(playground, "eve", "#hall")
    assert be(playground, ben, "away", "lunch") is None
    assert told(ann) == [("ben", "away", "lunch")]
    assert told(eve, "#hall") == []
    assert listed(playground, ann, "ben") == m.StatusInfo(state="away", text="lunch")
    assert listed(playground, ann, "ann") is None
    assert be(playground, ben, "busy", "", 90) is None
    assert told(ann)[1:] == [("ben", "busy", "")]
    assert be(playground, ben) is None
    assert told(ann)[2:] == [("ben", "", "")]
    assert listed(playground, ann, "ben") is None
    assert be(playground, ben) is None
    assert len(told(ann)) == 3, "what is so already is told to nobody"


def test_the_latest_wins_and_is_told_once_in_a_second(playground):
    ann, ben = enter(playground, "ann"), enter(playground, "ben")
    playground.advance(0.3)
    before = len(told(ann))
    for number in range(50):
        be(playground, ben, "away", str(number), wait=0.001)
    playground.advance(1.1)
    assert told(ann)[before:] == [("ben", "away", "49")]


def test_it_ends_by_the_calendar_also_over_a_restart(playground):
    ann, ben = enter(playground, "ann"), enter(playground, "ben")
    be(playground, ben, "busy", "exam", 60)
    playground.advance(20, step=1.0)
    assert 35 <= listed(playground, ann, "ben").seconds <= 42
    restart(playground)
    ann = come_in(playground, token=ann.of(m.Welcome)[0].token, wait=0.1)
    ben = come_in(playground, token=ben.of(m.Welcome)[0].token, wait=0.1)
    own = ben.of(m.Welcome)[0].status
    assert (own.state, own.text, 30 <= own.seconds <= 60) == ("busy", "exam", True)
    assert ann.of(m.Welcome)[0].status is None
    playground.advance(2)
    before = len(told(ann))
    playground.advance(65, step=1.0)
    assert told(ann)[before:] == [("ben", "", "")]
    assert listed(playground, ann, "ben") is None
    assert playground.store.statuses == {}


def test_one_that_has_ended_is_told_to_nobody_though_it_is_kept_still(playground):
    ann, ben = enter(playground, "ann"), enter(playground, "ben")
    be(playground, ben, "away", "", 30)
    world = playground.server.hub.world
    world.calendar.now += 30_000
    assert listed(playground, ann, "ben") is None
    assert playground.store.statuses


def test_who_comes_is_told_of_their_own_and_others_of_it_with_their_coming(playground):
    ann, ben = enter(playground, "ann"), enter(playground, "ben")
    be(playground, ben, "away", "soon back")
    ben.transport.loseConnection()
    playground.advance(40, step=1.0)
    before = len(told(ann))
    again = come_in(playground, token=ben.of(m.Welcome)[0].token, wait=1.1)
    assert again.of(m.Welcome)[0].status == m.StatusInfo(state="away", text="soon back")
    assert told(ann)[before:] == [("ben", "away", "soon back")]


def test_what_failed_to_be_stored_is_told_to_nobody(playground):
    ann, ben = enter(playground, "ann"), enter(playground, "ben")
    playground.store.failing = OSError("full")
    assert be(playground, ben, "away", "secret") == Code.STORAGE_UNAVAILABLE
    playground.store.failing = None
    playground.advance(2)
    assert told(ann) == []
    assert listed(playground, ann, "ben") is None


def test_nobody_is_told_before_it_is_stored(playground):
    ann, ben = enter(playground, "ann"), enter(playground, "ben")
    playground.store.held = True
    ben.say(m.SetStatus(id=7, state="away"))
    playground.advance(3)
    assert told(ann) == []
    playground.store.held = False
    playground.store.release()
    playground.advance(1.1)
    assert told(ann) == [("ben", "away", "")]


def test_where_somebody_may_not_speak_the_text_is_not_told(playground):
    ann, ben = enter(playground, "ann"), enter(playground, "ben")
    ben.say(*sends("@ann", "hi"))
    playground.advance(0.1)
    direct = ann.of(m.Event)[-1].room
    ask(playground, ann, m.Mute(id=3, room="#tea", whom="ben"))
    ask(playground, ann, m.Block(id=4, whom="ben"))
    be(playground, ben, "away", "words")
    assert told(ann) == [("ben", "away", "")]
    assert told(ann, direct) == [("ben", "away", "")]
    assert listed(playground, ann, "ben").text == ""
    assert listed(playground, ann, "ben").state == "away"
    ask(playground, ann, m.Unmute(id=5, room="#tea", whom="ben"))
    assert listed(playground, ann, "ben").text == "words"


def test_an_outsider_of_a_private_room_learns_nothing(playground):
    ann, ben = enter(playground, "ann"), enter(playground, "ben")
    eve = enter(playground, "eve", "#hall")
    ask(playground, ann, m.Set(id=3, room="#tea", rule="kind", value="private"))
    be(playground, ben, "away", "words")
    assert ask(playground, eve, m.Members(id=8, room="#tea")).code == Code.NO_SUCH_ROOM
    assert not [one for one in eve.of(m.Presence) if one.statuses]


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"state": "asleep"}, Code.BAD_VALUE),
        ({"state": "away", "text": "x" * (MAX_STATUS + 1)}, Code.TEXT_TOO_LONG),
        ({"state": "away", "text": "\x1b[2J"}, Code.CONTROL_CHARACTER),
        ({"state": "away", "seconds": MAX_STATUS_SECONDS + 1}, Code.BAD_VALUE),
    ],
)
def test_what_cannot_be_is_refused_and_changes_nothing(playground, fields, code):
    ann, ben = enter(playground, "ann"), enter(playground, "ben")
    assert be(playground, ben, **fields) == code
    assert (told(ann), playground.store.statuses) == ([], {})


def test_a_guest_who_only_reads_has_none(playground):
    with guests(playground, "read-only"):
        enter(playground, "ann")
        reader = come_in(playground, "reader", wait=0.1)
        assert be(playground, reader, "away") == Code.ACCOUNT_NEEDED


def test_with_a_guest_goes_what_they_said_of_themselves(playground):
    ben = enter(playground, "ben")
    be(playground, ben, "away", "for good")
    ben.say(m.Goodbye(forget=True))
    playground.advance(1)
    assert playground.store.statuses == {}
    assert be(playground, enter(playground, "ben"), "busy") is None


def test_a_page_of_members_fits_into_a_frame_whatever_they_say(playground):
    ann = enter(playground, "ann")
    names = [f"member-of-the-tea-room-{number:04}" for number in range(230)]
    for name in names:
        talker = enter(playground, name)
        user = playground.server.hub.world.nicks[name]
        playground.server.hub.world.statuses.put(PutStatus(user.id, "away", '"\\' * (MAX_STATUS // 2), 0))
        talker.transport.loseConnection()
    seen, after = [], ""
    while True:
        answer = ask(playground, ann, m.Members(id=8, room="#tea", after=after))
        assert len(encode(answer)) <= MAX_FRAME
        seen += [row.nick for row in answer.members]
        if not answer.more:
            break
        after = seen[-1]
    assert sorted(seen) == sorted(set(seen))
    assert set(names) <= set(seen)
    assert STATUS_BYTES < MAX_FRAME // 4
