"""Who may do what in which room: the table of the code against one that was written by hand."""

from pathlib import Path

import pytest

from chatd.chat import accounts
from chatd.chat.changes.rows import OPERATOR
from chatd.chat.channel_modes import KeepTags, MarkPeople, MarkRoom
from chatd.chat.comparing import TurnedJoin
from chatd.chat.permissions import ROOMLESS, TABLE, may_follow, may_read, standing_of
from chatd.chat.prepared import (
    CodedInvite,
    HashedPasswd,
    HashedRegister,
    ProvenDeleteAccount,
)
from chatd.chat.requests import REQUESTS
from chatd.chat.rules import Kind, Standing
from chatd.chat.state import Asker
from chatd.ops.settings import AccountsConfig, Config
from chatd.testing import Playground
from chatd.wire import messages as m
from chatd.wire.errors import Code
from tests.chat.permissions_page import page
from tests.helpers import come_in, guests, restart, sends

SAID = 6
"""The event in which fay says something in the room of a scene."""

ROOT = Path(__file__).parents[2]
ASK = {
    "join": lambda room: m.Join(id=9, room=room),
    "send": lambda room: m.Send(id=9, n=1, room=room, text="hi"),
    "edit": lambda room: m.Edit(id=9, n=1, room=room, seq=SAID, text="hi"),
    "react": lambda room: m.React(id=9, n=1, room=room, seq=SAID, emoji="🍵"),
    "pin": lambda room: m.Pin(id=9, room=room, seq=SAID),
    "topic": lambda room: m.Topic(id=9, room=room, text="tea"),
    "read": lambda room: m.Read(id=9, room=room, seq=1),
    "follow-thread": lambda room: m.FollowThread(id=9, room=room, thread=SAID),
    "threads": lambda room: m.Threads(id=9, room=room),
    "members": lambda room: m.Members(id=9, room=room),
    "history": lambda room: m.History(id=9, room=room),
    "look": lambda room: m.Look(id=9, room=room, seqs=[SAID]),
    "pins": lambda room: m.Pins(id=9, room=room),
    "search": lambda room: m.Search(id=9, query="hi", room=room),
    "download": lambda room: m.Download(id=9, transfer=1, room=room, seq=1),
    "invite-to": lambda room: m.InviteTo(id=9, room=room, whom="zoe"),
    "kick": lambda room: m.Kick(id=9, room=room, whom="fay"),
    "ban": lambda room: m.Ban(id=9, room=room, whom="zoe"),
    "unban": lambda room: m.Unban(id=9, room=room, whom="banned"),
    "mute": lambda room: m.Mute(id=9, room=room, whom="fay"),
    "unmute": lambda room: m.Unmute(id=9, room=room, whom="mim"),
    "acts": lambda room: m.Acts(id=9, room=room),
    "role": lambda room: m.Role(id=9, room=room, whom="fay", role="moderator"),
    "set": lambda room: m.Set(id=9, room=room, rule="keep-days", value="30"),
    "delete-room": lambda room: m.DeleteRoom(id=9, room=room),
    "add-hook": lambda room: m.AddHook(id=9, room=room, name="ci"),
    "drop-hook": lambda room: m.DropHook(id=9, room=room, name="out"),
    "hooks": lambda room: m.Hooks(id=9, room=room),
    "leave": lambda room: m.Leave(id=9, room=room),
    "remove": lambda room: m.Remove(id=9, room=room, seq=SAID),
}
"""A request of each kind that names a room, which succeeds if it is allowed."""

WHO = ["outsider", "invited", "banned", "member", "moderator", "owner", "operator", "reader"]
LETTERS = {
    ".": {None, Code.NO_SUCH_FILE, Code.UNSUPPORTED},
    "N": {Code.NOT_A_MEMBER},
    "B": {Code.BANNED},
    "X": {Code.NO_SUCH_ROOM},
    "T": {Code.ROOM_TAKEN},
    "A": {Code.NOT_ALLOWED},
    "R": {Code.ARCHIVED},
    "G": {Code.ACCOUNT_NEEDED},
}
KEEPING_ORDER = ["kick", "ban", "unban", "mute", "unmute", "acts"]
LOOKING = {"members", "history", "look", "pins", "search", "acts", "hooks"}
OWNING = ["role", "set", "delete-room", "add-hook", "drop-hook", "hooks"]
PUBLIC = {
    "join": ". . B . . . . .",
    "leave": "N N B . . . N .",
    "send": "N N B . . . N G",
    "edit": "N N B A A A N G",
    "react": "N N B . . . N G",
    "pin": "N N B A . . . G",
    "topic": "N N B . . . N G",
    "read": "N N B . . . N .",
    **dict.fromkeys(["follow-thread", "threads"], "N N B . . . N G"),
    "members": ". . B . . . . .",
    **dict.fromkeys(["history", "look", "pins", "search", "download"], ". . B . . . . ."),
    "invite-to": "N N B . . . . G",
    **dict.fromkeys([*KEEPING_ORDER, "remove"], "N N B A . . . G"),
    **dict.fromkeys(OWNING, "N N B A A . . G"),
}
BY_HAND = {
    "public": PUBLIC,
    "private": {
        "join": "T . T . . . . G",
        "leave": "X N X . . . N X",
        "send": "X N X . . . N G",
        "edit": "X N X A A A N G",
        "react": "X N X . . . N G",
        "pin": "X N X A . . . G",
        "topic": "X N X . . . N G",
        "read": "X N X . . . N X",
        **dict.fromkeys(["follow-thread", "threads"], "X N X . . . N G"),
        "members": "X N X . . . N X",
        **dict.fromkeys(["history", "look", "pins", "search", "download"], "X N X . . . N X"),
        "invite-to": "X N X A . . . G",
        **dict.fromkeys([*KEEPING_ORDER, "remove"], "X N X A . . . G"),
        **dict.fromkeys(OWNING, "X N X A A . . G"),
    },
    "read-only": PUBLIC | {"send": "N N B A . . N G", "edit": "N N B A A A N G", "topic": "N N B A . . N G"},
    "since-join": PUBLIC
    | dict.fromkeys(["history", "look", "pins", "search", "download"], "N N B . . . N ."),
    "archived": PUBLIC
    | dict.fromkeys(["send", "edit", "react", "topic"], "N N B R R R N G")
    | dict.fromkeys(["pin", "invite-to"], "N N B R R R R G"),
    "owner speaks": PUBLIC | {"send": "N N B A A . N G", "topic": "N N B A A . N G"},
}
"""Per kind of room and request, what each of WHO is told, by the letters above."""

RULES_OF = {
    "public": [],
    "private": [("kind", "private")],
    "read-only": [("kind", "read-only")],
    "since-join": [("history", "since-join")],
    "archived": [("archived", "yes")],
    "owner speaks": [("posting", "owner"), ("topic", "owner")],
}


class Scene:
    """A room of some kind with one of each, and zoe, who has nothing to do with it."""

    def __init__(self, kind="public", speaks="native"):
        self.playground = Playground()
        self.playground.start_server()
        self.talkers = {}
        self.enter("owner", m.Join(id=1, room="#tea"), speaks=speaks)
        for nick in ("member", "moderator", "fay", "mim"):
            self.enter(nick, m.Join(id=1, room="#tea"), speaks=speaks)
        self.say("fay", *sends("#tea", "hello"))
        for nick in ("outsider", "invited", "banned", "operator", "zoe"):
            self.enter(nick, speaks=speaks)
        with guests(self.playground, "read-only"):
            self.enter("reader", m.Join(id=1, room="#tea"), speaks=speaks)
        self.world = self.playground.server.hub.world
        user = self.world.nicks["operator"]
        accounts.make(self.world, user, "hash", 7)
        accounts.set_flag(self.world, user, OPERATOR, on=True)
        self.say(
            "owner",
            m.Role(id=2, room="#tea", whom="moderator", role="moderator"),
            m.InviteTo(id=2, room="#tea", whom="invited"),
            m.Ban(id=2, room="#tea", whom="banned"),
            m.Mute(id=2, room="#tea", whom="mim"),
            m.AddHook(id=2, room="#tea", name="out", url="https://example.org/chat"),
            *[m.Set(id=2, room="#tea", rule=rule, value=value) for rule, value in RULES_OF[kind]],
        )
        assert not self.talkers["owner"].of(m.Error)

    def enter(self, nick, *more, **how):
        self.talkers[nick] = come_in(self.playground, nick, *more, **how)
        self.playground.advance()

    def say(self, nick, *messages):
        self.talkers[nick].say(*messages)
        self.playground.advance()

    def user(self, nick):
        return self.world.nicks[nick]

    def asker(self, nick):
        return Asker(self.user(nick), "", self.world.calendar.now)

    def ask(self, nick, request):
        """Return what is answered: the code of a refusal, or None."""
        return getattr(self.answer(nick, request), "code", None)

    def answer(self, nick, request):
        talker = self.talkers[nick]
        before = len(talker.heard)
        self.say(nick, request)
        (answer,) = [message for message in talker.heard[before:] if getattr(message, "id", None) == 9]
        return answer


PREPARED = {CodedInvite, HashedPasswd, HashedRegister, KeepTags, MarkPeople, MarkRoom, ProvenDeleteAccount}
"""What the server hands in, in place of requests of clients that need a secret."""


def test_every_request_is_in_one_of_the_tables():
    kinds = {*m.Request.__subclasses__(), *m.Numbered.__subclasses__(), TurnedJoin, *PREPARED} - {m.Numbered}
    assert (set(TABLE) | ROOMLESS) - {m.Typing} == set(REQUESTS) == kinds  # typing is answered by nothing
    assert not set(TABLE) & ROOMLESS
    named = {kind.__struct_config__.tag for kind in TABLE if kind is not m.Typing}
    assert named == set(ASK)
    assert all(set(rows) == named for rows in BY_HAND.values())


def test_the_page_says_what_the_table_says():
    assert (ROOT / "docs" / "PERMISSIONS.md").read_text() == page()


@pytest.mark.parametrize("who", WHO)
@pytest.mark.parametrize("kind", BY_HAND)
def test_what_everybody_may_do(kind, who):
    """A scene serves until something is changed: what is refused, or only looks, changes nothing."""
    scene = Scene(kind)
    for tag, row in BY_HAND[kind].items():
        wanted = LETTERS[row.split()[WHO.index(who)]]
        code = scene.ask(who, ASK[tag]("#tea"))
        assert code in wanted, tag
        if code is None and tag not in LOOKING:
            scene = Scene(kind)


@pytest.mark.parametrize("who", WHO)
@pytest.mark.parametrize("kind", BY_HAND)
def test_who_may_speak_is_told_to_type_and_nobody_else(kind, who):
    scene = Scene(kind)
    scene.enter("fay", token=scene.talkers["fay"].of(m.Welcome)[0].token, typing=True)
    with guests(scene.playground, "read-only" if who == "reader" else "allowed"):
        scene.say(who, m.Typing(room="#tea"))
        scene.playground.advance(1)
    may = BY_HAND[kind]["send"].split()[WHO.index(who)] == "."
    assert [one.nicks for one in scene.talkers["fay"].of(m.Typing)] == ([[who]] if may else [])


def test_who_is_muted_does_not_type():
    scene = Scene()
    scene.enter("fay", token=scene.talkers["fay"].of(m.Welcome)[0].token, typing=True)
    scene.say("mim", m.Typing(room="#tea"))
    scene.playground.advance(1)
    assert not scene.talkers["fay"].of(m.Typing)


@pytest.mark.parametrize("who", WHO)
def test_the_same_in_json_lines(who):
    for tag in ("join", "send", "history", "kick", "set", "delete-room"):
        wanted = LETTERS[BY_HAND["private"][tag].split()[WHO.index(who)]]
        assert Scene("private", "json-lines").ask(who, ASK[tag]("#tea")) in wanted, tag


@pytest.mark.parametrize("tag", ASK)
def test_direct_messages_are_of_two_people(tag):
    """They look like what cannot be to everybody else, operators too; and they have no order to be kept."""
    scene = Scene()
    scene.say("owner", *sends("@member", "hello"))
    direct = next(name for name, room in scene.world.rooms.items() if room.direct)
    absent = scene.ask("outsider", ASK[tag]("@98+99"))
    assert absent in {Code.BAD_NICK, Code.NO_SUCH_USER}
    assert scene.ask("outsider", ASK[tag](direct)) == absent
    assert scene.ask("operator", ASK[tag](direct)) == absent
    code = scene.ask("member", ASK[tag](direct))
    if tag in {*KEEPING_ORDER, *OWNING, "invite-to", "leave"}:
        assert code == Code.BAD_ROOM
    else:
        assert code in {None, Code.NO_SUCH_FILE, Code.NO_SUCH_EVENT, Code.UNSUPPORTED}


@pytest.mark.parametrize("kind", BY_HAND)
def test_what_one_said_oneself_may_be_removed_where_something_may_be_added(kind):
    assert Scene(kind).ask("fay", ASK["remove"]("#tea")) == (Code.NOT_ALLOWED if kind == "archived" else None)


@pytest.mark.parametrize("tag", ASK)
def test_only_a_send_or_a_join_begins_anything(tag):
    scene = Scene()
    assert scene.ask("outsider", ASK[tag]("#nowhere")) == (None if tag == "join" else Code.NO_SUCH_ROOM)
    scene = Scene()
    assert scene.ask("outsider", ASK[tag]("@owner")) == (
        None if tag in {"join", "send"} else Code.NO_SUCH_ROOM
    )


@pytest.mark.parametrize("tag", [tag for tag in ASK if tag != "join"])
@pytest.mark.parametrize("who", ["outsider", "banned"])
def test_a_private_room_is_answered_for_as_one_that_is_not_there(tag, who):
    """All of the answer is the same but for the name."""
    scene = Scene("private")
    there, absent = (scene.answer(who, ASK[tag](room)) for room in ("#tea", "#pea"))
    assert there == m.Error(id=9, code=absent.code, text=absent.text.replace("#pea", "#tea"))


class Unseen(dict):
    """Acts that nobody may look through."""

    def values(self):
        raise AssertionError("a stranger costs as much time as a private room has bans")


def test_the_time_of_an_answer_does_not_tell_of_a_private_room():
    scene = Scene("private")
    room = scene.world.rooms["#tea"]
    room.acts = Unseen(room.acts)
    assert scene.ask("outsider", m.History(id=9, room="#tea")) == Code.NO_SUCH_ROOM
    assert scene.ask("banned", m.Join(id=9, room="#tea")) == Code.ROOM_TAKEN
    assert scene.answer("outsider", m.ListRooms(id=9)).rooms == []


def test_a_private_room_is_in_no_list_but_its_members_and_guests():
    scene = Scene("private")
    listed = {nick: [one.room for one in scene.answer(nick, m.ListRooms(id=9)).rooms] for nick in WHO}
    knowing = {"invited", "member", "moderator", "owner", "operator"}
    assert listed == {nick: ["#tea"] if nick in knowing else [] for nick in WHO}


def test_who_knows_no_private_room_takes_its_name_for_taken_in_every_spelling():
    scene = Scene("private")
    for name in ("#tea", "#TEA"):
        answer = scene.answer("outsider", m.Join(id=9, room=name, after=3, trail=[(3, "0" * 8)]))
        assert (answer.code, answer.text) == (Code.ROOM_TAKEN, "That name cannot be had; choose another.")


@pytest.mark.parametrize(("makers", "allowed"), [("accounts", {"known", "op"}), ("operators", {"op"})])
def test_who_makes_rooms_is_asked_before_the_name_is_looked_at(makers, allowed):
    playground = Playground(Config(accounts=AccountsConfig(make_rooms=makers)))
    playground.start_server()
    talkers = {nick: come_in(playground, nick) for nick in ("op", "known", "guest")}
    playground.advance()
    world = playground.server.hub.world
    for nick in ("op", "known"):
        accounts.make(world, world.nicks[nick], "hash", 7)
    accounts.set_flag(world, world.nicks["op"], OPERATOR, on=True)
    talkers["op"].say(m.Join(id=1, room="#tea"), m.Set(id=2, room="#tea", rule="kind", value="private"))
    playground.advance()
    for nick, talker in talkers.items():
        talker.say(m.Join(id=8, room=f"#{nick}s"), m.Join(id=9, room="#tea"))
        playground.advance()
        codes = {one.id: one.code for one in talker.of(m.Error)}
        if nick in allowed:
            assert 8 not in codes
        else:
            assert codes == {8: Code.NOT_ALLOWED, 9: Code.NOT_ALLOWED}
    if makers == "accounts":
        assert [one.code for one in talkers["known"].of(m.Error)] == [Code.ROOM_TAKEN]


def test_an_operator_who_enters_is_seen_to_be_one():
    scene = Scene("private")
    assert scene.ask("operator", m.Join(id=9, room="#tea")) is None
    assert scene.ask("invited", m.Join(id=9, room="#tea")) is None
    joins = [event for event in scene.talkers["owner"].of(m.Event) if event.kind == "join"]
    assert [(event.by, event.operator) for event in joins[-2:]] == [("operator", True), ("invited", False)]
    rows = scene.answer("owner", m.Members(id=9, room="#tea")).members
    assert {row.nick for row in rows if row.operator} == {"operator"}
    assert scene.ask("operator", m.Join(id=9, room="#mine")) is None
    assert not scene.world.rooms["#mine"].acts
    assert [event.operator for event in scene.talkers["operator"].of(m.Event) if event.room == "#mine"] == [
        False
    ]


def test_standings():
    scene = Scene()
    tea = scene.world.rooms["#tea"]
    told = {nick: standing_of(scene.asker(nick), tea) for nick in WHO}
    assert told == {
        "outsider": Standing.VISITOR,
        "invited": Standing.VISITOR,
        "banned": Standing.BANNED,
        "member": Standing.MEMBER,
        "moderator": Standing.MODERATOR,
        "owner": Standing.OWNER,
        "operator": Standing.VISITOR,
        "reader": Standing.READER,
    }
    assert [may_follow(scene.user(nick), tea, "") for nick in ("member", "operator")] == [True, False]
    assert tea.kind == Kind.PUBLIC


def test_roles_and_rules_outlive_the_daemon():
    scene = Scene("private")
    restart(scene.playground)
    scene.world = scene.playground.server.hub.world
    tea = scene.world.rooms["#tea"]
    assert standing_of(scene.asker("moderator"), tea) is Standing.MODERATOR
    assert standing_of(scene.asker("invited"), tea) is Standing.VISITOR
    assert standing_of(scene.asker("outsider"), tea) is Standing.STRANGER


def test_nobody_reads_what_is_not_stored():
    scene = Scene()
    scene.playground.store.held = True
    scene.say("owner", *sends("#tea", "on its way"))
    tea, asker = scene.world.rooms["#tea"], scene.asker("owner")
    assert tea.log.last == tea.log.head + 1
    assert may_read(asker, tea, tea.log.head)
    assert not may_read(asker, tea, tea.log.last)
    scene.playground.store.held = False
    scene.playground.store.release()
    assert may_read(asker, tea, tea.log.last)
