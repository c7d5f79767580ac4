"""A deleted room stays deleted: clients of members who were away do not make it anew by themselves."""

from dataclasses import replace

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from chatd.chat.changes.rows import OPERATOR, PutAccount
from chatd.wire import messages as m
from chatd.wire.errors import Code
from chatd.wire.limits import REMOVED
from tests.chat.test_moderation import Scene, kick
from tests.examples import examples
from tests.helpers import TALKERS, restart, sends

DELETE = m.DeleteRoom(id=5, room="#tea", reason="we are done")
DELETED = "ann has deleted #tea: we are done; join it again if you want a room of that name."


@pytest.fixture(params=list(TALKERS))
def scene(request):
    return Scene(request.param)


def leave_the_line(scene, nick):
    """Cut the connection of ``nick``; return the join by which its client comes back."""
    talker = getattr(scene, nick)
    seen = talker.seqs("#tea")[-1]
    talker.token = talker.of(m.Welcome)[0].token
    talker.transport.abortConnection()
    scene.playground.advance()
    return m.Join(id=3, room="#tea", after=seen, trail=[(seen, "0" * 8)])


def come_back(scene, nick, join):
    talker = scene.back(getattr(scene, nick), cursors={"#tea": join.after}, trails={"#tea": join.trail})
    setattr(scene, nick, talker)
    assert talker.of(m.Welcome)[0].rooms == []
    return talker


def note_clock(scene, seconds):
    scene.world.calendar.now += seconds * 1000


@pytest.mark.parametrize("kind", ["public", "private"])
@pytest.mark.parametrize("restarted", [True, False])
def test_the_client_of_a_member_who_was_away_does_not_make_it_anew(scene, kind, restarted, _logged):
    scene.do("ann", m.Set(id=2, room="#tea", rule="kind", value=kind), *scene.say("ann", "secret"))
    join = leave_the_line(scene, "ben")
    scene.do("ann", DELETE)
    scene.playground.advance(200)  # housekeeping has removed its events
    if restarted:
        restart(scene.playground)
    ben = come_back(scene, "ben", join)
    ben.say(join, *sends("#tea", "private words"))
    scene.playground.advance()
    refused, unsaid = ben.of(m.Error)
    assert (refused.code, refused.text) == (Code.REMOVED, DELETED)
    assert unsaid.code == Code.NO_SUCH_ROOM
    assert "#tea" not in scene.world.rooms
    assert "older-copy" not in str(_logged.events)


def test_whoever_asks_for_it_again_has_a_new_room(scene):
    join = leave_the_line(scene, "ben")
    scene.do("ann", DELETE)
    come_back(scene, "ben", join)
    assert scene.do("ben", join) == Code.REMOVED
    assert scene.do("ben", join) is None, "that is another matter, after an older copy of the data too"
    assert scene.ben.of(m.Rooms)[-1].rooms[0].restored
    assert scene.do("cem", m.Join(id=3, room="#tea")) is None


def test_a_plain_join_makes_a_new_room_as_ever(scene):
    scene.do("ann", DELETE)
    assert scene.do("ben", m.Join(id=3, room="#tea")) is None
    assert scene.ben.seqs("#tea")[-1] == 1


@pytest.mark.parametrize("kind", ["public", "private"])
def test_nobody_is_let_into_a_new_room_of_that_name_by_the_client(scene, kind, _logged):
    join = leave_the_line(scene, "ben")
    scene.do("ann", DELETE)
    scene.do("dan", m.Join(id=3, room="#tea"), m.Set(id=4, room="#tea", rule="kind", value=kind))
    ben = come_back(scene, "ben", join)
    ben.say(join, *sends("#tea", "private words"))
    scene.playground.advance()
    refused, unsaid = ben.of(m.Error)
    assert (refused.code, refused.text) == (Code.REMOVED, DELETED)
    assert unsaid.code == (Code.NOT_A_MEMBER if kind == "public" else Code.NO_SUCH_ROOM)
    assert scene.dan.texts() == []
    assert "older-copy" not in str(_logged.events)


def test_each_device_is_told_until_the_user_joins_a_room_of_that_name(scene):
    other = scene.back(scene.ben, device=True)
    other.token = other.of(m.Welcome)[-1].token
    join = leave_the_line(scene, "ben")
    other.transport.abortConnection()
    scene.do("ann", DELETE)
    come_back(scene, "ben", join)
    assert scene.do("ben", join) == Code.REMOVED
    first, scene.ben = scene.ben, other
    come_back(scene, "ben", join)
    assert scene.do("ben", join) == Code.REMOVED
    scene.ben = first
    assert scene.do("ben", m.Join(id=3, room="#tea")) is None
    assert scene.do("ben", m.Leave(id=4, room="#tea")) is None
    restart(scene.playground)
    scene.ben = scene.back(scene.ben)
    assert scene.do("ben", m.Join(id=3, room="#tea", after=0)) is None


def test_a_refusal_that_is_not_given_is_given_again(scene):
    join = leave_the_line(scene, "ben")
    scene.do("ann", DELETE)
    come_back(scene, "ben", join)
    scene.playground.store.failing = OSError("disk full")
    assert scene.do("ben", join, m.Nick(id=4, nick="Benny")) == Code.STORAGE_UNAVAILABLE
    scene.playground.store.failing = None
    assert scene.do("ben", join) == Code.REMOVED


def test_a_deletion_that_is_not_stored_has_not_happened(scene):
    join = leave_the_line(scene, "ben")
    scene.playground.store.failing = OSError("disk full")
    assert scene.do("ann", DELETE) == Code.STORAGE_UNAVAILABLE
    scene.playground.store.failing = None
    assert not len(scene.world.gone)
    back = scene.back(scene.ben, cursors={"#tea": join.after})
    assert [state.room for state in back.of(m.Welcome)[0].rooms] == ["#tea"]


def test_who_was_no_member_learns_nothing_of_a_private_room(scene):
    scene.do("ann", m.Set(id=2, room="#tea", rule="kind", value="private"))
    scene.do("ann", DELETE)
    assert scene.do("dan", m.Join(id=3, room="#tea", after=3, trail=[(3, "0" * 8)])) is None
    assert scene.dan.of(m.Rooms)[-1].rooms[0].restored


@pytest.mark.parametrize("deed", [kick(), m.Ban(id=5, room="#tea", whom="ben", reason="enough")])
def test_who_was_removed_before_hears_that_alone(scene, deed):
    join = leave_the_line(scene, "ben")
    scene.do("ann", deed)
    scene.do("ann", DELETE)
    come_back(scene, "ben", join)
    assert scene.do("ben", join) == Code.REMOVED
    assert scene.ben.of(m.Error)[-1].text == "ann has removed you from #tea: enough."
    assert "#tea" not in scene.world.rooms


def test_who_was_removed_with_their_addresses_does_not_come_back_by_the_client(scene):
    """They were banned there, and come from elsewhere."""
    join = leave_the_line(scene, "ben")
    for session in scene.world.sessions.values():
        session.address = "192.0.2.9" if session.user.nick == "ben" else session.address
    assert scene.do("ann", m.Ban(id=5, room="#tea", whom="192.0.2.0/24", reason="noise")) is None
    come_back(scene, "ben", join)
    assert scene.do("ben", join) == Code.REMOVED
    assert scene.do("ben", join) is None


def test_a_private_room_whose_last_member_left_is_not_made_by_their_other_device(scene):
    scene.do("ann", m.Set(id=2, room="#tea", rule="kind", value="private"))
    scene.do("ben", m.Leave(id=3, room="#tea"))
    scene.do("cem", m.Leave(id=3, room="#tea"))
    phone = scene.back(scene.ann, device=True)
    join = leave_the_line(scene, "ann")
    phone.say(m.Leave(id=3, room="#tea"))
    scene.playground.advance()
    come_back(scene, "ann", join)
    assert scene.do("ann", join) == Code.REMOVED
    assert scene.ann.of(m.Error)[-1].text == (
        "#tea was deleted when its last member left; join it again if you want a room of that name."
    )


def test_the_last_member_is_removed_by_an_operator(scene):
    dan = scene.world.nicks["dan"]
    dan.account = PutAccount(dan.id, flags=OPERATOR)
    scene.do("dan", m.Join(id=3, room="#tea"))
    scene.do("ann", m.Set(id=2, room="#tea", rule="kind", value="private"))
    for nick in ("ben", "cem", "dan"):
        scene.do(nick, m.Leave(id=3, room="#tea"))
    join = leave_the_line(scene, "ann")
    scene.do("dan", kick("ann"))
    assert "#tea" not in scene.world.rooms
    come_back(scene, "ann", join)
    assert scene.do("ann", join) == Code.REMOVED
    assert "#tea" not in scene.world.rooms


def test_what_is_kept_of_it_ends_and_takes_no_place(scene):
    scene.do("ann", DELETE)
    scene.playground.advance(130)
    (row,) = scene.playground.store.rooms.values()
    assert (row.name, row.kind) == (f"!{row.id}#tea", "deleted")
    assert not scene.playground.store.events.get(row.id)
    note_clock(scene, REMOVED + 1)
    list(scene.playground.server.hub.expire(1 << 60, 0, unclaimed=True))
    scene.playground.advance(130)
    assert not scene.playground.store.rooms
    assert not scene.playground.store.acts
    assert not len(scene.world.gone)


def test_what_an_older_version_left_of_a_deleted_room_goes_as_ever(scene):
    scene.do("ann", DELETE)
    store = scene.playground.store
    number, row = next(iter(store.rooms.items()))
    store.acts.clear()
    store.rooms[number] = row._replace(name=f"!{number}")
    restart(scene.playground)
    scene.playground.advance(130)
    assert not store.rooms
    assert not scene.world.rooms


def test_deleted_rooms_do_not_count_as_rooms(scene):
    terms = scene.world.terms
    scene.world.terms = replace(terms, quota=replace(terms.quota, rooms=1))
    for _ in range(3):
        assert scene.do("ann", DELETE) is None
        assert scene.do("ann", m.Join(id=3, room="#tea")) is None


def test_not_more_is_kept_than_there_may_be(scene, monkeypatch):
    monkeypatch.setattr("chatd.chat.sweeping.MAX_FORMER", 2)
    monkeypatch.setattr("chatd.chat.returning.MAX_NOTES", 3)
    join = leave_the_line(scene, "cem")
    scene.do("ann", DELETE)
    (tea,) = scene.world.gone
    assert len(tea.acts) == 2
    assert any(act.whom == "@cem" for act in tea.acts.values()), "who is away needs it most"
    scene.playground.advance(1)
    for room in ("#one", "#two"):
        scene.do("ann", m.Join(id=3, room=room), m.DeleteRoom(id=4, room=room))
    scene.playground.advance(200)
    assert [room.name.partition("#")[2] for room in scene.world.gone] == ["one", "two"]
    come_back(scene, "cem", join)
    assert scene.do("cem", join) is None


# ---- anything in any order --------------------------------------------------------------------------

STEPS = st.lists(
    st.tuples(
        st.sampled_from(
            [
                *["join", "leave", "delete", "kick", "ban", "unban", "private", "public"],
                *["cut", "cut", "back", "back", "crash", "full", "well"],
            ]
        ),
        st.integers(0, 2),
        st.integers(0, 2),
    ),
    max_size=30,
)
NICKS = ["ann", "ben", "cem"]
CLIENTS_ALONE = [("cut", 1, 0), ("ban", 0, 1), ("delete", 0, 0), ("crash", 0, 0), ("back", 1, 0)]
MADE_BY_ANOTHER = [("cut", 1, 0), ("delete", 0, 0), ("join", 2, 0), ("private", 2, 0), ("back", 1, 0)]
EMPTIED = [("private", 0, 0), ("cut", 1, 0), ("cut", 2, 0), ("kick", 0, 1), ("kick", 0, 2), ("leave", 0, 0)]


class Persons(Scene):
    """Clients that join again by themselves from where they were, as `chatc` does, until they are refused."""

    def __init__(self):
        super().__init__()
        self.cursors = dict.fromkeys(NICKS, 1)

    def step(self, what, who, whom):
        nick, other = NICKS[who], NICKS[whom]
        talker = getattr(self, nick)
        store = self.playground.store
        if what in {"full", "well"}:
            store.failing = OSError("disk full") if what == "full" else None
        elif what == "crash":
            for one in NICKS:
                self.cut(one)
            store.failing = None
            restart(self.playground)
        elif what == "cut":
            self.cut(nick)
        elif what == "back" and talker.lost is not None and store.failing is None:
            self.come(nick)
        elif talker.lost is None:
            self.do(nick, self.words(what, other))

    def words(self, what, other):
        return {
            "join": m.Join(id=9, room="#tea"),
            "leave": m.Leave(id=9, room="#tea"),
            "delete": m.DeleteRoom(id=9, room="#tea"),
            "kick": kick(other),
            "ban": m.Ban(id=9, room="#tea", whom=other),
            "unban": m.Unban(id=9, room="#tea", whom=other),
        }.get(what) or m.Set(id=9, room="#tea", rule="kind", value=what)

    def cut(self, nick):
        talker = getattr(self, nick)
        if talker.lost is not None:
            return
        cursor = self.cursors[nick]
        for one in talker.heard:
            if isinstance(one, m.Event):
                cursor = one.seq
            elif isinstance(one, m.Left):
                cursor = None
            elif isinstance(one, m.Welcome | m.Rooms) and one.rooms:
                cursor = one.rooms[0].cursor
        self.cursors[nick] = cursor
        talker.token = getattr(talker, "token", "") or talker.of(m.Welcome)[0].token
        talker.transport.abortConnection()
        self.playground.advance()

    def come(self, nick):
        """Come back, and join by itself the room that was left behind and is not followed."""
        cursor = self.cursors[nick]
        trail = [] if cursor is None else [(cursor, "0" * 8)]
        known = {} if cursor is None else {"#tea": cursor}
        before = self.tea_now
        talker = self.back(getattr(self, nick), cursors=known, trails={"#tea": trail} if trail else {})
        setattr(self, nick, talker)
        followed = any(state.room == "#tea" for state in talker.of(m.Welcome)[0].rooms)
        if followed or cursor is None:
            return
        code = self.do(nick, m.Join(id=9, room="#tea", after=cursor, trail=trail))
        assert self.tea_now is before, "a client has made a room by itself"
        if code is not None:
            self.cursors[nick] = None

    @property
    def tea_now(self):
        return self.world.rooms.get("#tea")


@settings(max_examples=examples(60), deadline=None, suppress_health_check=list(HealthCheck))
@example(CLIENTS_ALONE)
@example(MADE_BY_ANOTHER)
@example([*EMPTIED, ("back", 1, 0), ("back", 2, 0)])
@given(STEPS)
def test_no_client_makes_a_room_by_itself(steps):
    persons = Persons()
    for step in steps:
        persons.step(*step)
