"""Removing what was said: who may, what is left, and that nobody is handed the old form afterwards."""

import json

import pytest

from chatd.chat import accounts
from chatd.chat.changes.rows import OPERATOR
from chatd.ops.settings import Config, RoomsConfig
from chatd.testing import MemoryStore, Playground
from chatd.wire import messages as m
from chatd.wire.check import check_of
from chatd.wire.errors import Code
from chatd.wire.stored import text_of
from tests.helpers import ask, come_in, restart, sends

HOURS = 3600


class LateStore(MemoryStore):
    """A store whose pages come late: `arrive` hands out what was read before."""

    late = False

    def read(self, log, first, last, limit, newest, done):
        came = []
        super().read(log, first, last, limit, newest, came.append)
        if self.late:
            self.pages.append(lambda: done(came[0]))
        else:
            done(came[0])

    def facts(self, log, seq, user, whole, done):
        came = []
        super().facts(log, seq, user, whole, came.append)
        if self.late:
            self.pages.append(lambda: done(came[0]))
        else:
            done(came[0])

    def arrive(self):
        pages, self.pages = self.pages, []
        for page in pages:
            page()


@pytest.fixture
def playground():
    playground = Playground(store=LateStore())
    playground.store.pages = []
    playground.start_server()
    return playground


@pytest.fixture
def ann(playground):
    """Who owns #tea, where event 2 and 3 are said by ann."""
    ann = come_in(playground, "ann", m.Join(id=1, room="#tea"), *sends("#tea", "my secret", "other"))
    playground.advance()
    return ann


@pytest.fixture
def ben(playground, ann):
    ben = come_in(playground, "ben", m.Join(id=1, room="#tea", after=0), *sends("#tea", "ben's word"))
    playground.advance()
    return ben


BEN_SAID = 5


def remove(playground, talker, seq, reason="", room="#tea"):
    return ask(playground, talker, m.Remove(id=77, room=room, seq=seq, reason=reason))


def events_of(talker):
    return {event.seq: event for event in talker.of(m.Event)}


def history(playground, talker, room="#tea"):
    answer = ask(playground, talker, m.History(id=88, room=room))
    events = [json.loads(bytes(raw)) for raw in answer.events]
    return {event["seq"]: event for event in events}


def cold(playground, name="#tea"):
    """Let memory hold none of the room's events."""
    log = playground.server.hub.world.rooms[name].log
    log.forget_tail()
    return log


# ---- what is left ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("warm", [True, False])
def test_what_was_said_is_gone_and_who_said_it_when_is_left(playground, ann, ben, warm):
    when = events_of(ann)[2].ts
    if not warm:
        cold(playground)
    answer = remove(playground, ann, 2, "a slip")
    assert (answer.seq, answer.room) == (6, "#tea")
    for talker in (ann, ben):
        told = events_of(talker)[6]
        assert (told.kind, told.by, told.ref, told.reason, told.text) == ("remove", "ann", 2, "a slip", "")
    tombstone = {"t": "event", "room": "#tea", "seq": 2, "ts": when, "kind": "removed", "by": "ann"}
    tombstone |= {"reason": "a slip", "value": "ann", "ref": 6}
    assert history(playground, ben)[2] == tombstone
    cold(playground)
    assert history(playground, ben)[2] == tombstone
    newcomer = come_in(playground, "cem", m.Join(id=1, room="#tea", after=0))
    playground.advance()
    assert newcomer.seqs("#tea") == list(range(1, 8))
    assert "my secret" not in newcomer.texts()
    stored = playground.store.events[1]
    assert not [frame for frame in stored.values() if b"my secret" in frame]


def test_it_is_removed_once_whoever_asks_how_often(playground, ann, ben):
    assert remove(playground, ann, 2).seq == 6
    assert remove(playground, ann, 2, "again").seq == 6
    cold(playground)
    assert remove(playground, ann, 2).seq == 6
    playground.store.held = True
    ann.say(m.Remove(id=77, room="#tea", seq=3), m.Remove(id=78, room="#tea", seq=3))
    playground.advance()
    playground.store.held = False
    playground.store.release()
    playground.advance()
    assert [one.seq for one in ann.of(m.Ok) if one.id in {77, 78}][-2:] == [7, 7]
    assert playground.server.hub.world.rooms["#tea"].log.head == 7


def test_what_is_not_there_cannot_be_removed(playground, ann):
    for seq in (4, 1000):
        assert remove(playground, ann, seq).code == Code.NO_SUCH_EVENT
    assert remove(playground, ann, 1).code == Code.NOT_ALLOWED
    assert remove(playground, ann, 2, "x" * 300).code == Code.TEXT_TOO_LONG
    log = cold(playground)
    del playground.store.events[log.id][2]
    assert remove(playground, ann, 2).code == Code.NO_SUCH_EVENT


def test_a_disk_that_cannot_be_read_is_told(playground, ann):
    cold(playground)
    playground.store.unreadable = OSError("broken")
    assert remove(playground, ann, 2).code == Code.STORAGE_UNAVAILABLE
    playground.store.unreadable = None
    assert remove(playground, ann, 2).seq == 4


def test_a_topic_goes_from_the_room_too(playground, ann, ben):
    ann.say(m.Topic(id=5, room="#tea", text="insult"))
    playground.advance()
    assert remove(playground, ann, 6).seq == 8
    assert [(e.seq, e.kind, e.text) for e in ben.of(m.Event)][-2:] == [(7, "topic", ""), (8, "remove", "")]
    assert playground.server.hub.world.rooms["#tea"].topic == ""
    ann.say(m.Topic(id=5, room="#tea", text="insult"), m.Topic(id=6, room="#tea", text="fine"))
    playground.advance()
    assert remove(playground, ann, 9).seq == 11
    assert playground.server.hub.world.rooms["#tea"].topic == "fine"
    restart(playground)
    assert playground.server.hub.world.rooms["#tea"].topic == "fine"


def test_a_commit_that_fails_removes_nothing(playground, ann, ben):
    playground.store.failing = OSError("disk full")
    assert remove(playground, ann, 2).code == Code.STORAGE_UNAVAILABLE
    playground.store.failing = None
    assert history(playground, ben)[2]["text"] == "my secret"
    assert remove(playground, ann, 2).seq == 6
    assert "text" not in history(playground, ben)[2]


def test_until_it_is_durable_nothing_has_changed(playground, ann, ben):
    playground.store.held = True
    ann.say(m.Remove(id=77, room="#tea", seq=2))
    playground.advance()
    assert not [one for one in ann.of(m.Ok) if one.id == 77]
    log = playground.server.hub.world.rooms["#tea"].log
    assert b"my secret" in log.recall(2)
    playground.crash_server()
    playground.store.lose_power()
    playground.store.held = False
    playground.start_server()
    again = come_in(playground, "cem")
    playground.advance()
    assert history(playground, again)[2]["text"] == "my secret"


# ---- who may --------------------------------------------------------------------------------------------


def test_others_may_not_and_moderators_may(playground, ann, ben):
    assert remove(playground, ben, 2).code == Code.NOT_ALLOWED
    assert remove(playground, ben, BEN_SAID).seq == 6
    ben.say(*sends("#tea", "more", n=2))
    playground.advance()
    assert remove(playground, ann, 7, "rude").seq == 8
    assert history(playground, ben)[7]["value"] == "ann"


def test_an_operator_may_everywhere_and_it_shows(playground, ann, ben):
    op = come_in(playground, "op")
    playground.advance()
    world = playground.server.hub.world
    accounts.make(world, world.nicks["op"], "hash", 7)
    accounts.set_flag(world, world.nicks["op"], OPERATOR, on=True)
    ann.say(m.Set(id=5, room="#tea", rule="history", value="since-join"))
    playground.advance()
    assert remove(playground, op, 2).seq == 7
    assert events_of(ben)[7].operator


def test_an_author_may_for_some_time(playground, ann, ben):
    playground.advance(24 * HOURS - 60, step=600)
    assert remove(playground, ben, BEN_SAID).seq
    ben.say(*sends("#tea", "more", n=2))
    playground.advance(24 * HOURS + 60, step=600)
    refused = remove(playground, ben, 7)
    assert (refused.code, "24 hours" in refused.text) == (Code.NOT_ALLOWED, True)
    assert remove(playground, ann, 7).seq == 8, "a moderator may at any time"


def test_never_where_the_operator_says_so():
    playground = Playground(Config(rooms=RoomsConfig(remove_hours=0)))
    playground.start_server()
    ann = come_in(playground, "ann", m.Join(id=1, room="#tea"))
    ben = come_in(playground, "ben", m.Join(id=1, room="#tea"), *sends("#tea", "hi"))
    playground.advance()
    assert remove(playground, ben, 3).code == Code.NOT_ALLOWED
    assert remove(playground, ann, 3).seq == 4


def test_a_later_holder_of_a_guests_nick_is_not_the_author(playground, ann, ben):
    ben.say(m.Goodbye(forget=True))
    playground.advance()
    other = come_in(playground, "ben", m.Join(id=1, room="#tea"))
    playground.advance()
    world = playground.server.hub.world
    assert remove(playground, other, BEN_SAID).code == Code.NOT_ALLOWED
    accounts.make(world, world.nicks["ben"], "hash", playground.wall() + 1)
    assert remove(playground, other, BEN_SAID).code == Code.NOT_ALLOWED, "said before the account was made"


def test_an_account_is_the_author_on_every_device(playground, ann, ben):
    world = playground.server.hub.world
    user = world.nicks["ben"]
    accounts.make(world, user, "hash", playground.wall())
    ben.say(*sends("#tea", "by the account", n=2), m.Nick(id=3, nick="bob"))
    playground.advance()
    token = ben.of(m.Welcome)[0].token
    second = come_in(playground, token=token, device=True)
    playground.advance()
    ben.say(m.Goodbye(forget=True))
    playground.advance()
    assert remove(playground, second, 6).seq


def test_direct_messages_are_their_authors_alone(playground, ann, ben):
    ann.say(*sends("@ben", "psst", n=3))
    playground.advance()
    assert remove(playground, ben, 1, room="@ann").code == Code.NOT_ALLOWED
    answer = remove(playground, ann, 1, room="@ben")
    assert answer.seq == 2
    assert [(e.seq, e.kind) for e in ben.of(m.Event) if e.room == answer.room] == [
        (1, "message"),
        (2, "remove"),
    ]
    assert "text" not in history(playground, ben, room="@ann")[1]


def test_what_newcomers_may_not_read_they_may_not_remove(playground, ann, ben):
    ben.say(m.Leave(id=5, room="#tea"))
    ann.say(m.Set(id=5, room="#tea", rule="history", value="since-join"))
    ben.say(m.Join(id=6, room="#tea"))
    playground.advance()
    assert remove(playground, ben, BEN_SAID).code == Code.NO_SUCH_EVENT


# ---- what is on its way ---------------------------------------------------------------------------------


@pytest.mark.parametrize("how", ["history", "following"])
def test_a_page_that_was_being_read_does_not_bring_it(playground, ann, ben, how):
    cold(playground)
    playground.store.late = True
    if how == "history":
        reader = ben
        ben.say(m.History(id=88, room="#tea"))
    else:
        reader = come_in(playground, "cem", m.Join(id=1, room="#tea", after=0))
    playground.advance()
    assert playground.store.pages
    playground.store.late = False
    assert remove(playground, ann, 2).seq
    playground.store.late = True
    playground.store.arrive()
    playground.advance()
    playground.store.late = False
    playground.store.arrive()
    playground.advance()
    told = reader.of(m.Event) if how == "following" else history(playground, ben)
    assert 2 in ([event.seq for event in told] if how == "following" else told)
    assert "my secret" not in repr(reader.heard[-30:] if how == "following" else told)
    assert not [
        ok for ok in reader.of(m.Ok) if ok.events and "my secret" in repr(list(map(bytes, ok.events)))
    ]


def test_a_page_of_recent_events_is_made_anew(playground, ann, ben):
    """A page that is kept for those who lag is thrown away."""
    log = playground.server.hub.world.rooms["#tea"].log
    for name in ("cem", "dan"):
        lagging = come_in(playground, name, m.Join(id=1, room="#tea", after=0))
        playground.advance()
        assert ("my secret" in lagging.texts()) == (name == "cem")
        if name == "cem":
            assert [audience for audience in log._audiences if b"my secret" in audience.page[1]]
            assert remove(playground, ann, 2).seq
            assert not [audience for audience in log._audiences if b"my secret" in audience.page[1]]


def test_two_removals_at_once_that_both_look_at_the_disk(playground, ann, ben):
    cold(playground)
    playground.store.late = True
    ann.say(m.Remove(id=77, room="#tea", seq=BEN_SAID, reason="rude"))
    ben.say(m.Remove(id=77, room="#tea", seq=BEN_SAID, reason="sorry"))
    playground.advance()
    assert len(playground.store.pages) == 2
    playground.store.arrive()
    playground.advance()
    assert [talker.of(m.Ok)[-1].seq for talker in (ann, ben)] == [6, 6]
    assert playground.server.hub.world.rooms["#tea"].log.head == 6


# ---- histories ------------------------------------------------------------------------------------------


def trail_of(playground, seqs, room=1):
    return [(seq, check_of(text_of(playground.store.events[room][seq]))) for seq in seqs]


@pytest.mark.parametrize("warm", [True, False])
@pytest.mark.parametrize("seqs", [[5], [5, 4], [5, 4, 3]])
def test_whoever_saw_it_does_not_take_the_log_for_an_older_copy(playground, ann, ben, seqs, warm):
    trail = trail_of(playground, seqs)
    token = ben.of(m.Welcome)[0].token
    ben.transport.abortConnection()
    playground.advance()
    assert remove(playground, ann, 5).seq == 6
    if not warm:
        restart(playground)
        playground.advance()
    back = come_in(playground, token=token, cursors={"#tea": 5}, trails={"#tea": trail})
    playground.advance(1)
    (state,) = back.of(m.Welcome)[0].rooms
    assert (state.cursor, state.restored) == (5, False)
    assert back.seqs("#tea") == [6]


def test_an_older_copy_is_still_known_by_the_events_around_it(playground, ann, ben):
    trail = trail_of(playground, [5, 4, 3])
    token = ben.of(m.Welcome)[0].token
    ben.transport.abortConnection()
    playground.advance()
    assert remove(playground, ann, 5).seq == 6
    wrong = [(5, trail[0][1]), (4, "0" * 8), trail[2]]
    back = come_in(playground, token=token, cursors={"#tea": 5}, trails={"#tea": wrong})
    playground.advance(1)
    (state,) = back.of(m.Welcome)[0].rooms
    assert (state.cursor, state.restored) == (3, True)


def test_the_head_itself_may_be_removed_and_cut(playground, ann):
    """What stays of a log whose last event was removed, and then cut off by retention."""
    assert remove(playground, ann, 3).seq == 4
    log = cold(playground)
    hub = playground.server.hub
    hub.trim(hub.world.rooms["#tea"], 5)
    playground.advance()
    restart(playground)
    assert playground.server.hub.world.rooms["#tea"].log.head == log.head == 4


def test_an_outdated_hello_goes_on_behind_it(playground, ann, ben):
    token = ben.of(m.Welcome)[0].token
    assert remove(playground, ann, 2).seq == 6
    back = come_in(playground, token=token, cursors={"#tea": 1})
    playground.advance(1)
    assert back.seqs("#tea") == [2, 3, 4, 5, 6]
    assert back.texts() == ["other", "ben's word"]
