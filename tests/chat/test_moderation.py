"""Order in rooms: what is done takes effect at once, for everybody, however far their connections lag."""

import pytest

from chatd.chat.acts import BAN, MUTE, term_of
from chatd.chat.changes.rows import OPERATOR, PutAccount, PutAct
from chatd.testing import MemoryStore, Playground
from chatd.wire import messages as m
from chatd.wire.errors import Code
from chatd.wire.limits import INVITATION, MAX_INVITED
from tests.helpers import TALKERS, come_in, hello, restart, sends

LONG = "x" * 1000


class SlowlyRead(MemoryStore):
    """A store whose readers wait, while ``waits`` is true, until `read_on` is called."""

    def __init__(self):
        super().__init__()
        self.waits, self.asked = False, []

    def read(self, *what):
        if not self.waits:
            super().read(*what)
            return
        self.asked.append(what)

    def read_on(self):
        self.waits, asked, self.asked = False, self.asked, []
        for what in asked:
            super().read(*what)


class Scene:
    """Ann owns #tea; ben and cem are in it; dan is not."""

    def __init__(self, speaks="native", **rules):
        self.playground = Playground()
        self.playground.store = SlowlyRead()
        self.playground.start_server()
        self.speaks = speaks
        self.numbers = dict.fromkeys(["ann", "ben", "cem", "dan"], 0)
        self.ann = self.enter("ann", m.Join(id=1, room="#tea"))
        for rule, value in rules.items():
            self.do("ann", m.Set(id=2, room="#tea", rule=rule.replace("_", "-"), value=value))
        self.ben = self.enter("ben", m.Join(id=1, room="#tea"))
        self.cem = self.enter("cem", m.Join(id=1, room="#tea"))
        self.dan = self.enter("dan")

    @property
    def world(self):
        return self.playground.server.hub.world

    @property
    def tea(self):
        return self.world.rooms["#tea"]

    def enter(self, nick, *more, **fields):
        talker = come_in(self.playground, "" if fields else nick, *more, speaks=self.speaks, **fields)
        self.playground.advance()
        return talker

    def back(self, talker, **fields):
        """Let the device of ``talker`` come back on another connection."""
        token = getattr(talker, "token", "") or talker.of(m.Welcome)[0].token
        back = self.enter("", token=token, **fields)
        back.token = token
        return back

    def say(self, nick, *texts, room="#tea"):
        """Return what is to be sent for it."""
        self.numbers[nick] += len(texts)
        return sends(room, *texts, n=self.numbers[nick] - len(texts) + 1)

    def do(self, nick, *messages):
        """Say it, and return the last answer's code, or None."""
        talker = getattr(self, nick)
        before = len(talker.heard)
        talker.say(*messages)
        self.playground.advance()
        answers = [one for one in talker.heard[before:] if isinstance(one, m.Ok | m.Error)]
        return getattr(answers[-1], "code", None) if answers else "nothing"


@pytest.fixture(params=list(TALKERS))
def scene(request):
    return Scene(request.param)


def kick(whom="ben", reason="enough"):
    return m.Kick(id=5, room="#tea", whom=whom, reason=reason)


# ---- removed ----------------------------------------------------------------------------------------


def test_who_is_removed_hears_that_and_nothing_behind_it(scene):
    """What is said behind it is in the same batch."""
    scene.ann.say(*scene.say("ann", "before"), kick(), *scene.say("ann", "behind"))
    scene.playground.advance()
    last = scene.ben.of(m.Event)[-1]
    assert (last.kind, last.by, last.whom, last.reason) == ("kick", "ann", "ben", "enough")
    assert scene.ben.heard[-1] == m.Left(room="#tea")
    assert scene.cem.texts() == ["before", "behind"]
    assert scene.do("ben", *scene.say("ben", "still here?")) == Code.NOT_A_MEMBER
    assert scene.do("cem", *scene.say("cem", "yes")) is None
    assert "behind" not in scene.ben.texts()
    assert "yes" not in scene.ben.texts()


@pytest.mark.parametrize("removal", ["kick", "ban", "ban of addresses", "leave", "delete-room"])
def test_a_reader_that_lags_ends_there_too(scene, removal):
    """Its pages come from the store: it has stood still while more was said than memory keeps."""
    scene.ben.transport.pauseProducing()
    for _ in range(6):
        scene.do("ann", *scene.say("ann", *[LONG] * 100))
    other = scene.back(scene.ben, device=True)
    done = {
        "kick": kick(),
        "ban": m.Ban(id=5, room="#tea", whom="ben"),
        "ban of addresses": m.Ban(id=5, room="#tea", whom="127.0.0.1"),
        "leave": m.Leave(id=5, room="#tea"),
        "delete-room": m.DeleteRoom(id=5, room="#tea"),
    }[removal]
    if removal == "ban of addresses":
        for connection in scene.playground.server.connections:
            nick = connection.session.user.nick
            connection.peer_host = "127.0.0.1" if nick == "ben" else "192.0.2.1"
    (other if removal == "leave" else scene.ann).say(done)
    scene.ann.say(*scene.say("ann", "behind"))
    scene.playground.advance()
    end = next(event.seq for event in other.of(m.Event)[::-1] if event.room == "#tea")
    assert other.heard[-1] == m.Left(room="#tea") or removal == "leave"
    scene.ben.transport.resumeProducing()
    scene.playground.advance(2)
    assert scene.ben.seqs("#tea")[-1] == end
    assert scene.ben.seqs("#tea") == list(range(scene.ben.seqs("#tea")[0], end + 1))
    assert scene.ben.of(m.Left) == [m.Left(room="#tea")]
    assert "behind" not in scene.ben.texts()


def test_a_page_that_is_being_read_meanwhile_holds_nothing_behind_it(scene):
    scene.ben.transport.pauseProducing()
    for _ in range(6):
        scene.do("ann", *scene.say("ann", *[LONG] * 100))
    scene.playground.store.waits = True
    scene.ben.transport.resumeProducing()
    scene.playground.advance(1)
    assert scene.playground.store.asked
    scene.do("ann", kick(), *scene.say("ann", "behind"))
    scene.playground.store.read_on()
    scene.playground.advance(2)
    assert scene.ben.of(m.Event)[-1].kind == "kick"
    assert scene.ben.heard[-1] == m.Left(room="#tea")
    assert len(scene.ben.texts()) == 600


def test_a_page_of_history_that_is_being_read_meanwhile_is_not_given(scene):
    scene.do("ann", m.Set(id=2, room="#tea", rule="kind", value="private"), *scene.say("ann", "secret"))
    scene.playground.store.waits = True
    scene.ben.say(m.History(id=9, room="#tea"))
    scene.playground.advance()
    scene.do("ann", kick())
    scene.playground.store.read_on()
    scene.playground.advance(1)
    (answer,) = [one for one in scene.ben.heard if getattr(one, "id", None) == 9]
    assert answer.code == Code.NO_SUCH_ROOM
    assert scene.do("ben", m.ListRooms(id=3)) is None


def test_who_is_removed_comes_back_with_a_cursor_and_is_told_nothing(scene):
    seen = scene.ben.seqs("#tea")[-1]
    scene.ben.transport.abortConnection()
    scene.do("ann", kick(), *scene.say("ann", "behind"))
    back = scene.back(scene.ben, cursors={"#tea": seen}, trails={"#tea": [(seen, "0" * 8)]})
    scene.playground.advance(1)
    assert back.of(m.Welcome)[0].rooms == []
    assert back.of(m.Event) == []


def test_who_was_removed_while_away_is_not_let_in_again_by_the_client_itself(scene):
    """Its join goes on from where it was; one that a person asks for is another matter."""
    seen = scene.ben.seqs("#tea")[-1]
    scene.ben.transport.abortConnection()
    scene.do("ann", kick())
    restart(scene.playground)
    scene.ben = scene.back(scene.ben, cursors={"#tea": seen})
    scene.ben.say(m.Join(id=3, room="#tea", after=seen))
    scene.playground.advance()
    (error,) = scene.ben.of(m.Error)
    assert (error.code, error.text) == (
        Code.REMOVED,
        "ann has removed you from #tea: enough; join it to come back.",
    )
    assert scene.do("ben", m.Join(id=3, room="#tea", after=seen)) is None
    assert not scene.tea.acts


def test_each_device_is_told_that_its_user_was_removed_until_the_user_joins(scene):
    seen = scene.ben.seqs("#tea")[-1]
    join = m.Join(id=3, room="#tea", after=seen)
    other, third = scene.back(scene.ben, device=True), scene.back(scene.ben, device=True)
    talkers = [scene.ben, other, third]
    for talker in talkers:
        talker.token = talker.of(m.Welcome)[0].token
        talker.transport.abortConnection()
    scene.do("ann", kick())
    for talker in talkers[:2]:
        scene.ben = scene.back(talker, cursors={"#tea": seen})
        assert scene.do("ben", join) == Code.REMOVED
    assert scene.do("ben", join) is None
    scene.ben = scene.back(third, cursors={"#tea": seen})
    assert scene.do("ben", join) is None
    scene.do("ann", kick())
    assert scene.do("ben", join) == Code.REMOVED, "this is another removal"


def test_a_refusal_that_is_not_given_is_given_again(scene):
    seen = scene.ben.seqs("#tea")[-1]
    scene.ben.transport.abortConnection()
    scene.do("ann", kick())
    scene.ben = scene.back(scene.ben, cursors={"#tea": seen})
    scene.playground.store.failing = OSError("disk full")
    join = m.Join(id=3, room="#tea", after=seen)
    assert scene.do("ben", join, m.Nick(id=4, nick="Benny")) == Code.STORAGE_UNAVAILABLE
    scene.playground.store.failing = None
    assert scene.do("ben", join) == Code.REMOVED
    assert scene.do("ben", join) is None


def test_not_more_is_kept_of_removals_than_there_may_be(scene, monkeypatch):
    monkeypatch.setattr("chatd.chat.removing.MAX_ACTS", 2)
    for whom in ("ben", "cem"):
        scene.do("ann", kick(whom))
        scene.playground.advance(1)
    scene.do("dan", m.Join(id=3, room="#tea"))
    scene.do("ann", kick("dan"))
    assert [whom for what, whom in scene.tea.acts] == ["@cem", "@dan"]


def test_who_joins_again_before_the_end_was_reached_misses_nothing(scene):
    scene.ben.transport.pauseProducing()
    for _ in range(6):
        scene.do("ann", *scene.say("ann", *[LONG] * 100))
    scene.do("ann", *scene.say("ann", "one"))
    scene.do("ann", kick(), *scene.say("ann", "two"))
    other = scene.back(scene.ben, device=True)
    other.say(m.Join(id=3, room="#tea"))
    scene.playground.advance()
    scene.do("ann", *scene.say("ann", "three"))
    scene.ben.transport.resumeProducing()
    scene.playground.advance(1)
    assert scene.ben.texts()[600:] == ["one", "two", "three"]
    assert scene.ben.seqs("#tea") == list(range(scene.ben.seqs("#tea")[0], scene.tea.log.head + 1))
    assert [type(one) for one in scene.ben.heard if isinstance(one, m.Left | m.Rooms)][-2:] == [
        m.Left,
        m.Rooms,
    ]


def test_a_removal_that_is_not_stored_has_not_happened(scene):
    """Whoever comes back while it is decided, and before it fails, follows the room as before."""
    scene.playground.store.held = True
    seen = scene.ben.seqs("#tea")[-1]
    back = TALKERS[scene.speaks]()
    scene.playground.connect(back, scene.speaks)
    scene.playground.advance()
    scene.ann.say(*scene.say("ann", "in one batch with the welcome"))
    back.say(hello(token=scene.ben.of(m.Welcome)[0].token, cursors={"#tea": seen}))
    scene.playground.advance()
    scene.ann.say(kick())
    scene.playground.advance()
    assert not back.of(m.Welcome)
    scene.playground.store.release(1)
    scene.playground.advance()
    assert back.of(m.Welcome)
    scene.playground.store.failing = OSError("disk full")
    scene.playground.store.held = False
    scene.playground.store.release()
    scene.playground.advance(1)
    scene.playground.store.failing = None
    scene.do("ann", *scene.say("ann", "you are still here"))
    assert back.texts()[-1] == "you are still here"
    assert not back.of(m.Left)


@pytest.mark.parametrize(
    ("left", "words"),
    [
        (0, ""),
        (1, " for 1 second more"),
        (119, " for 119 seconds more"),
        (120, " for 2 minutes more"),
        (7201, " for 3 hours more"),
        (7 * 86_400, " for 7 days more"),
    ],
)
def test_how_long_an_act_counts_is_told_in_words(left, words):
    act = PutAct(1, BAN, "@ben", 2, left * 1000 and 5000 + left * 1000, "ann", "")
    assert term_of(act, 5000) == words


# ---- bans, mutes, invitations -----------------------------------------------------------------------


def test_a_ban_keeps_out_under_any_nick_until_it_ends_by_lived_time(scene):
    scene.do("ann", m.Ban(id=5, room="#tea", whom="ben", seconds=100, reason="noise"))
    for request in (m.Join(id=3, room="#tea"), m.History(id=3, room="#tea"), m.Members(id=3, room="#tea")):
        assert scene.do("ben", request) == Code.BANNED
    assert "#tea for 100 seconds more (noise); ask" in scene.ben.of(m.Error)[-1].text
    scene.do("ben", m.Nick(id=4, nick="Benny"))
    assert scene.do("ben", m.Join(id=3, room="#tea")) == Code.BANNED
    scene.ben.say(m.Goodbye(forget=True))
    scene.playground.advance()
    scene.ben = scene.enter("ben")
    assert scene.do("ben", m.Join(id=3, room="#tea")) == Code.BANNED
    scene.playground.advance(101)
    assert scene.do("ben", m.Join(id=3, room="#tea")) is None


def test_terms_are_counted_by_the_calendar_over_restarts(scene):
    scene.do("ann", m.Ban(id=5, room="#tea", whom="dan", seconds=100))
    scene.playground.advance(50)
    restart(scene.playground)
    scene.dan = scene.back(scene.dan)
    assert scene.do("dan", m.Join(id=3, room="#tea")) == Code.BANNED
    scene.playground.advance(105)
    assert scene.do("dan", m.Join(id=3, room="#tea")) is None
    assert (BAN, "@dan") in scene.tea.acts
    scene.playground.advance(60)
    assert not scene.tea.acts


def test_a_ban_can_be_taken_back(scene):
    scene.do("ann", m.Ban(id=5, room="#tea", whom="@DAN"))
    assert scene.do("ann", m.Unban(id=5, room="#tea", whom="dan")) is None
    assert scene.do("ann", m.Unban(id=5, room="#tea", whom="dan")) == Code.NO_SUCH_ACT
    assert scene.do("dan", m.Join(id=3, room="#tea")) is None
    assert [event.kind for event in scene.cem.of(m.Event)][-3:] == ["ban", "unban", "join"]


def test_a_ban_of_addresses_removes_who_comes_from_there(scene):
    hosts = {"ann": "192.0.2.1", "ben": "192.0.2.2", "cem": "198.51.100.1", "dan": "2001:db8::1"}
    for connection in scene.playground.server.connections:
        connection.peer_host = hosts[connection.session.user.nick]
    assert scene.do("ann", m.Ban(id=5, room="#tea", whom="192.0.2.0/24")) == Code.NOT_ALLOWED
    assert scene.do("ann", m.Ban(id=5, room="#tea", whom="192.0.2.2/31", reason="noise")) is None
    assert [(e.kind, e.whom, e.reason) for e in scene.ben.of(m.Event)][-2:] == [
        ("ban", "192.0.2.2/31", "noise"),
        ("kick", "ben", "noise"),
    ]
    assert scene.do("ben", m.Join(id=3, room="#tea")) == Code.BANNED
    assert scene.do("ann", m.Ban(id=5, room="#tea", whom="2001:db8::/32")) is None
    assert scene.do("dan", m.Join(id=3, room="#tea")) == Code.BANNED
    assert scene.do("cem", m.Join(id=3, room="#tea")) is None


def test_a_ban_of_addresses_removes_who_is_just_away_and_no_operator(scene):
    hosts = {"ann": "192.0.2.1", "ben": "198.51.100.2", "cem": "198.51.100.3", "dan": "203.0.113.1"}
    scene.do("dan", m.Join(id=3, room="#tea"))
    scene.ben.transport.abortConnection()
    scene.playground.advance()
    for connection in scene.playground.server.connections:
        connection.peer_host = hosts[connection.session.user.nick]
    for session in scene.world.sessions.values():
        session.address = hosts[session.user.nick]
    cem = scene.world.nicks["cem"]
    cem.account = PutAccount(cem.id, flags=OPERATOR)
    assert scene.do("ann", m.Ban(id=5, room="#tea", whom="198.51.100.0/24")) is None
    assert {user.nick for user in scene.tea.members} == {"ann", "cem", "dan"}


def test_a_muted_member_reads_only(scene):
    scene.do("ann", m.Mute(id=5, room="#tea", whom="ben", seconds=60, reason="hush"))
    assert scene.do("ben", *scene.say("ben", "mph")) == Code.MUTED
    assert scene.do("ben", m.Topic(id=3, room="#tea", text="mph")) == Code.MUTED
    assert scene.do("ann", *scene.say("ann", "better")) is None
    assert scene.ben.texts() == ["better"]
    scene.playground.advance(61)
    assert scene.do("ben", *sends("#tea", "ah")) is None
    scene.do("ann", m.Mute(id=5, room="#tea", whom="ben"), m.Unmute(id=6, room="#tea", whom="ben"))
    assert scene.do("ben", *sends("#tea", "and again", n=2)) is None
    assert (MUTE, "@ben") not in scene.tea.acts


def test_a_slow_room_takes_one_message_in_a_while(scene):
    scene.do("ann", m.Set(id=2, room="#tea", rule="slow", value="10"))
    assert scene.do("ben", *sends("#tea", "one")) is None
    assert scene.do("ben", *sends("#tea", "two", n=2)) == Code.SLOW_MODE
    assert scene.do("ann", *scene.say("ann", "one", "two")) is None
    scene.playground.advance(11)
    assert scene.do("ben", *sends("#tea", "two", n=2)) is None


def test_what_is_not_stored_was_not_said_in_a_slow_room(scene):
    """The client sends it again by itself, and it is taken; what was said before counts again."""
    scene.do("ann", m.Set(id=2, room="#tea", rule="slow", value="10"))
    scene.playground.store.failing = OSError("disk full")
    assert scene.do("ben", *sends("#tea", "one")) == Code.STORAGE_UNAVAILABLE
    scene.playground.store.failing = None
    assert scene.do("ben", *sends("#tea", "one")) is None
    scene.playground.advance(11)
    scene.playground.store.failing = OSError("disk full")
    assert scene.do("ben", *sends("#tea", "two", n=2)) == Code.STORAGE_UNAVAILABLE
    scene.playground.store.failing = None
    assert scene.do("ben", *sends("#tea", "two", n=2)) is None
    assert scene.do("ben", *sends("#tea", "three", n=3)) == Code.SLOW_MODE
    assert scene.cem.texts() == ["one", "two"]


def test_an_invitation_is_told_now_and_at_the_next_welcome_until_it_is_used():
    scene = Scene(kind="private")
    scene.do("ann", m.InviteTo(id=5, room="#tea", whom="dan", reason="come"))
    told = m.Invited(room="#tea", by="ann", text="come")
    assert scene.dan.of(m.Invited) == [told]
    restart(scene.playground)
    scene.dan = scene.back(scene.dan)
    assert scene.dan.of(m.Invited) == [told]
    assert scene.do("dan", m.Join(id=3, room="#tea")) is None
    scene.dan = scene.back(scene.dan)
    assert not scene.dan.of(m.Invited)
    scene.do("dan", m.Leave(id=3, room="#tea"))
    assert scene.do("dan", m.Join(id=3, room="#tea")) == Code.ROOM_TAKEN


def invite(room="#tea", whom="dan", reason=""):
    return m.InviteTo(id=5, room=room, whom=whom, reason=reason)


def test_whose_direct_messages_are_not_taken_neither_invites(scene):
    scene.do("dan", m.Block(id=3, whom="ann"))
    assert scene.do("ann", invite()) == Code.NOT_ALLOWED
    assert scene.do("ben", invite()) is None
    scene.do("dan", m.Unblock(id=3, whom="ann"), m.Allow(id=4, direct="nobody"))
    assert scene.do("ann", invite()) == Code.NOT_ALLOWED
    scene.do("dan", m.Allow(id=4, direct="shared"))
    assert scene.do("ann", invite()) == Code.NOT_ALLOWED
    scene.do("dan", m.Join(id=6, room="#hall"))
    scene.do("ann", m.Join(id=6, room="#hall"))
    assert scene.do("ann", invite()) is None
    assert [told.by for told in scene.dan.of(m.Invited)] == ["ben"]


def test_an_invitation_that_stands_is_not_told_again_but_its_term_begins_anew():
    scene = Scene(kind="private")
    scene.do("ann", invite(reason="come"))
    scene.world.calendar.now += INVITATION * 500
    scene.do("dan", m.Nick(id=6, nick="Daniel"))
    assert scene.do("ann", invite(whom="Daniel", reason="do come")) is None
    assert len(scene.dan.of(m.Invited)) == 1
    assert [act.whom for act in scene.tea.acts.values()] == ["@daniel"]
    scene.world.calendar.now += INVITATION * 900
    scene.dan = scene.back(scene.dan)
    assert scene.dan.of(m.Invited) == [m.Invited(room="#tea", by="ann", text="do come")]
    scene.world.calendar.now += INVITATION * 100
    scene.do("ann", invite(whom="Daniel"))
    assert len(scene.dan.of(m.Invited)) == 2


def test_so_many_invitations_stand_for_one_user_that_a_welcome_stays_small():
    scene = Scene()
    rooms = [f"#room{number}" for number in range(MAX_INVITED)]
    scene.do("ann", *[m.Join(id=7, room=room) for room in rooms], *map(invite, rooms))
    assert len(scene.dan.of(m.Invited)) == MAX_INVITED
    assert scene.do("ben", invite()) == Code.TOO_MANY_ACTS
    assert scene.do("ann", invite(rooms[0])) is None
    restart(scene.playground)
    scene.ben, scene.dan = scene.back(scene.ben), scene.back(scene.dan)
    assert len(scene.dan.of(m.Invited)) == MAX_INVITED
    assert scene.do("ben", invite()) == Code.TOO_MANY_ACTS
    scene.do("dan", m.Join(id=8, room=rooms[0]))
    assert scene.do("ben", invite()) is None
    scene.world.calendar.now += INVITATION * 1000
    assert scene.do("ben", invite()) is None


def test_an_invitation_ends_after_a_week():
    scene = Scene(kind="private")
    scene.do("ann", m.InviteTo(id=5, room="#tea", whom="dan"))
    scene.world.calendar.now += INVITATION * 1000
    assert scene.do("dan", m.Join(id=3, room="#tea")) == Code.ROOM_TAKEN


# ---- private rooms and newcomers --------------------------------------------------------------------


def test_newcomers_read_from_their_own_join_on(scene):
    scene.do("ann", m.Set(id=2, room="#tea", rule="history", value="since-join"))
    scene.do("ann", *scene.say("ann", "before"))
    scene.dan.say(m.Join(id=3, room="#tea", after=0, trail=[(4, "0" * 8)]), m.History(id=9, room="#tea"))
    scene.playground.advance()
    scene.do("ann", *scene.say("ann", "behind"))
    joined = scene.tea.members[scene.world.nicks["dan"]].since
    assert scene.dan.seqs("#tea") == [joined, joined + 1]
    assert scene.dan.texts() == ["behind"]
    state = scene.dan.of(m.Rooms)[0].rooms[0]
    assert (state.cursor, state.first, state.check) == (joined - 1, joined, "")
    pages = [one for one in scene.dan.of(m.Ok) if one.events is not None]
    assert [len(page.events) for page in pages] == [1]
    assert not pages[0].more
    for asked in (m.History(id=9, room="#tea", before=joined), m.History(id=9, room="#tea", after=0)):
        scene.do("dan", asked)
        events = scene.dan.of(m.Ok)[-1].events
        assert len(events) == (2 if asked.after == 0 else 0)
    back = scene.back(scene.dan, cursors={"#tea": 1}, trails={"#tea": [(1, "0" * 8)]})
    assert back.seqs("#tea") == [joined, joined + 1]
    assert not back.of(m.Welcome)[0].rooms[0].restored


def test_history_that_is_closed_is_closed_for_readers_that_lag(scene):
    """Ben lags behind his own join; what he stands before is not for him any more."""
    for _ in range(6):
        scene.do("ann", *scene.say("ann", *[LONG] * 100))
    dan = scene.dan
    dan.transport.pauseProducing()
    dan.say(m.Join(id=3, room="#tea", after=0))
    scene.playground.advance()
    scene.do("ann", *scene.say("ann", *[LONG] * 10))
    scene.do("ann", m.Set(id=2, room="#tea", rule="history", value="since-join"))
    dan.transport.resumeProducing()
    scene.playground.advance(1)
    joined = scene.tea.members[scene.world.nicks["dan"]].since
    (gap,) = dan.of(m.Gap)
    assert (gap.first, gap.last) == (dan.seqs("#tea").index(joined) + 1, joined - 1)
    assert gap.last - gap.first > 100
    assert dan.seqs("#tea")[-1] == scene.tea.log.head


def test_what_is_not_stored_opens_nothing(scene):
    """A room that becomes public is read by others once that is durable, and not if it fails."""
    scene.do("ann", m.Set(id=2, room="#tea", rule="kind", value="private"), *scene.say("ann", "secret"))
    scene.playground.store.held = True
    scene.ann.say(m.Set(id=3, room="#tea", rule="kind", value="public"))
    scene.playground.advance()
    before = len(scene.dan.heard)
    scene.dan.say(m.History(id=9, room="#tea"))
    scene.playground.advance()
    assert len(scene.dan.heard) == before
    scene.playground.store.failing = OSError("disk full")
    scene.playground.store.held = False
    scene.playground.store.release()
    scene.playground.advance(1)
    scene.playground.store.failing = None
    assert [getattr(one, "code", None) for one in scene.dan.heard[before:]] == [Code.NO_SUCH_ROOM]
    scene.ann.say(m.Set(id=3, room="#tea", rule="kind", value="public"))
    scene.dan.say(m.History(id=9, room="#tea"))
    scene.playground.advance(1)
    assert scene.dan.of(m.Ok)[-1].events


def test_an_unban_that_is_not_stored_opens_nothing(scene):
    scene.do("ann", m.Ban(id=5, room="#tea", whom="dan"), *scene.say("ann", "not for dan"))
    scene.playground.store.held = True
    scene.ann.say(m.Unban(id=6, room="#tea", whom="dan"))
    scene.playground.advance()
    before = len(scene.dan.heard)
    scene.dan.say(m.History(id=9, room="#tea"))
    scene.playground.advance()
    assert len(scene.dan.heard) == before
    scene.playground.store.failing = OSError("disk full")
    scene.playground.store.held = False
    scene.playground.store.release()
    scene.playground.advance(1)
    scene.playground.store.failing = None
    assert [getattr(one, "code", None) for one in scene.dan.heard[before:]] == [Code.BANNED]


def test_a_private_room_ends_with_its_last_member():
    scene = Scene(kind="private")
    assert {user.nick for user in scene.tea.members} == {"ann"}
    scene.do("ann", m.Leave(id=3, room="#tea"))
    assert "#tea" not in scene.world.rooms
    assert scene.do("dan", m.Join(id=3, room="#tea")) is None
    assert scene.tea.members[scene.world.nicks["dan"]].role == 5


# ---- roles, rules, rooms ----------------------------------------------------------------------------


def test_a_room_is_handed_over(scene):
    scene.do("ann", m.Role(id=5, room="#tea", whom="ben", role="owner"))
    assert scene.do("ann", m.Role(id=5, room="#tea", whom="cem", role="moderator")) == Code.NOT_ALLOWED
    assert scene.do("ben", m.Role(id=5, room="#tea", whom="cem", role="moderator")) is None
    assert scene.do("ann", kick("cem")) == Code.NOT_ALLOWED
    assert scene.do("cem", kick("ben")) == Code.NOT_ALLOWED
    assert scene.do("ben", m.Role(id=5, room="#tea", whom="ben", role="member")) == Code.NOT_ALLOWED
    scene.do("dan", m.Members(id=3, room="#tea"))
    roles = {one.nick: one.role for one in scene.dan.of(m.Ok)[-1].members}
    assert roles == {"ann": "moderator", "ben": "owner", "cem": "moderator"}


@pytest.mark.parametrize(
    ("rule", "value"),
    [
        ("kind", "direct"),
        ("slow", "-1"),
        ("slow", "3601"),
        ("archived", ""),
        ("colour", "red"),
        ("slow", "²"),
    ],
)
def test_what_no_rule_can_be(scene, rule, value):
    assert scene.do("ann", m.Set(id=2, room="#tea", rule=rule, value=value)) == Code.BAD_VALUE


def test_a_deleted_room_is_gone_for_good_and_its_name_is_free(scene):
    scene.do("ann", *scene.say("ann", "secret"), m.Ban(id=4, room="#tea", whom="zoe"))
    number = scene.tea.log.id
    scene.do("ann", m.DeleteRoom(id=5, room="#tea", reason="done"))
    for talker in (scene.ann, scene.ben, scene.cem):
        assert talker.of(m.Event)[-1].kind == "delete-room"
        assert talker.of(m.Left) == [m.Left(room="#tea")]
    assert scene.do("dan", m.History(id=3, room="#tea")) == Code.NO_SUCH_ROOM
    for name in (f"!{number}", f"!{number}#tea"):
        assert scene.do("dan", m.Join(id=3, room=name)) == Code.BAD_ROOM
    assert scene.do("dan", m.Join(id=3, room="#tea")) is None
    assert scene.dan.seqs("#tea") == [1]
    scene.playground.advance(200)
    store = scene.playground.store
    assert not store.events.get(number)
    assert {act.what for act in store.acts.values()} == {"deletion"}, "for those who were away"
    restart(scene.playground)
    assert set(scene.world.rooms) == {"#tea", f"!{number}#tea"}


def test_a_room_keeps_its_events_for_its_own_days():
    scene = Scene(keep_days="1")
    scene.do("ann", *scene.say("ann", "old"))
    for _ in range(30):
        scene.world.calendar.now += 3_700_000
        scene.playground.advance(60)
    assert scene.tea.log.first > 4


# ---- direct messages --------------------------------------------------------------------------------


def test_whose_direct_messages_are_taken(scene):
    assert scene.do("dan", *scene.say("dan", "hello", room="@ann")) is None
    scene.do("ann", m.Block(id=5, whom="dan"))
    assert scene.do("dan", *sends("@ann", "hello?", n=2)) == Code.NOT_ALLOWED
    assert scene.do("dan", m.History(id=5, room="@ann")) is None
    scene.do("ann", m.Block(id=6))
    assert [one.nick for one in scene.ann.of(m.Ok)[-1].members] == ["dan"]
    restart(scene.playground)
    scene.ann, scene.dan, scene.ben = map(scene.back, (scene.ann, scene.dan, scene.ben))
    assert scene.do("dan", *sends("@ann", "hello?", n=2)) == Code.NOT_ALLOWED
    assert scene.do("ann", m.Unblock(id=5, whom="dan"), m.Allow(id=6, direct="shared")) is None
    assert scene.do("dan", *sends("@ann", "hello?", n=2)) == Code.NOT_ALLOWED
    assert scene.do("ben", *sends("@ann", "hi")) is None
    scene.do("ann", m.Allow(id=6, direct="nobody"))
    assert scene.do("ben", *sends("@ann", "hi", n=2)) == Code.NOT_ALLOWED
    scene.do("ann", m.Allow(id=6, direct="everybody"))
    assert scene.do("dan", *sends("@ann", "hello?", n=2)) is None


def test_who_is_not_taken_begins_no_log(scene):
    scene.do("ann", m.Block(id=5, whom="dan"))
    assert scene.do("dan", *sends("@ann", "hello")) == Code.NOT_ALLOWED
    assert not any(room.direct for room in scene.world.rooms.values())


def test_who_is_not_taken_sets_no_topic_of_direct_messages(scene):
    assert scene.do("dan", *scene.say("dan", "hello", room="@ann")) is None
    scene.do("ann", m.Block(id=5, whom="dan"))
    before = len(scene.ann.of(m.Event))
    assert scene.do("dan", m.Topic(id=6, room="@ann", text="hello?")) == Code.NOT_ALLOWED
    assert len(scene.ann.of(m.Event)) == before
    assert scene.do("ann", m.Topic(id=6, room="@dan", text="mine")) is None


def test_who_is_not_taken_tells_no_new_nick_in_direct_messages(scene):
    assert scene.do("dan", *scene.say("dan", "hello", room="@ann")) is None
    scene.do("dan", *scene.say("dan", "a note", room="@dan"))
    scene.do("ann", m.Block(id=5, whom="dan"))
    before = len(scene.ann.of(m.Event))
    assert scene.do("dan", m.Nick(id=6, nick="Look")) is None
    assert len(scene.ann.of(m.Event)) == before
    assert [event.room for event in scene.dan.of(m.Event) if event.kind == "nick"] == ["@4+4"]
    assert next(room.peer for room in scene.back(scene.ann).of(m.Welcome)[0].rooms if room.peer) == "Look"
    scene.ann = scene.back(scene.ann)
    assert scene.do("ann", m.Nick(id=6, nick="Anna")) is None
    assert ("nick", "Anna") in [(event.kind, event.text) for event in scene.dan.of(m.Event)]
    scene.do("ann", m.Unblock(id=7, whom="Look"))
    scene.do("dan", m.Nick(id=8, nick="Dan"))
    assert ("nick", "Dan") in [(event.kind, event.text) for event in scene.ann.of(m.Event)]
