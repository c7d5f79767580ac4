"""Accounts: they stay, with their nicks and rooms, whatever becomes of their sessions."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chatd.chat import accounts
from chatd.chat.changes.rows import DISABLED, OPERATOR, PutAct, PutBlock, PutUpload
from chatd.chat.world import Terms, World
from chatd.testing import Playground
from chatd.wire import messages as m
from chatd.wire.errors import Code, ProtocolError, RequestError
from chatd.wire.limits import MAX_NICKS
from tests.examples import examples
from tests.helpers import come_in, restart, sends


@pytest.fixture
def playground():
    playground = Playground()
    playground.start_server()
    return playground


def world_of(playground):
    return playground.server.hub.world


def account(playground, nick="ann", *more, password="hash"):
    """Let somebody in and make an account of them; return the talker and the user."""
    talker = come_in(playground, nick, *more)
    user = talker_user(playground, nick)
    accounts.make(world_of(playground), user, password, 7)
    playground.server.hub.change()
    playground.advance()
    return talker, user


def talker_user(playground, nick):
    return world_of(playground).nicks[nick]


def test_an_account_stays_when_its_last_session_ends(playground):
    ann, user = account(playground, "ann", m.Join(id=1, room="#tea"), *sends("#tea", "hello"))
    ben = come_in(playground, "ben", m.Join(id=1, room="#tea"))
    ann.say(m.Goodbye(forget=True))
    playground.advance()
    assert not user.sessions
    restart(playground)
    user = talker_user(playground, "ann")
    assert [room.name for room in user.rooms] == ["#tea"]
    assert user.account.password == "hash"
    assert [e.kind for e in ben.of(m.Event) if e.by == "ann"] == []
    world_of(playground).tidy([user])
    assert talker_user(playground, "ann") is user


def test_a_guest_cannot_have_the_nick_of_an_account_that_is_not_there(playground):
    ann, _ = account(playground)
    ann.say(m.Goodbye(forget=True))
    playground.advance()
    assert come_in(playground, "ANN").heard[0].code == Code.NICK_TAKEN


def test_an_account_keeps_the_nicks_that_it_had(playground):
    ann, _ = account(playground)
    ann.say(m.Nick(id=1, nick="Anna"))
    playground.advance()
    restart(playground)
    for nick in ("ann", "anna"):
        assert come_in(playground, nick).heard[0].code == Code.NICK_TAKEN
        assert accounts.find(world_of(playground), nick).nick == "Anna"
    ben = come_in(playground, "ben", *sends("@ann", "by the old name"))
    assert ben.of(m.Ok)


def test_an_account_goes_back_to_a_nick_of_its_own(playground):
    ann, user = account(playground)
    ann.say(m.Nick(id=1, nick="Anna"), m.Nick(id=2, nick="ANN"))
    playground.advance()
    assert [ok.id for ok in ann.of(m.Ok)] == [1, 2]
    assert (user.nick, user.key, set(user.kept)) == ("ANN", "ann", {"ann", "anna"})


def test_an_account_has_so_many_nicks_at_most(playground):
    ann, user = account(playground, "ann", m.Join(id=100, room="#tea"))
    ann.say(*[m.Nick(id=n, nick=f"ann{n}") for n in range(1, MAX_NICKS + 1)])
    playground.advance()
    assert [(e.id, e.code) for e in ann.of(m.Error)] == [(MAX_NICKS, Code.TOO_MANY_NICKS)]
    assert user.nick == f"ann{MAX_NICKS - 1}"
    assert len([e for e in ann.of(m.Event) if e.kind == "nick"]) == MAX_NICKS - 1
    ann.say(m.Nick(id=1, nick="ann"))
    playground.advance()
    assert ann.of(m.Ok)[-1].id == 1


def test_a_guest_may_change_nicks_as_ever(playground):
    ben = come_in(playground, "ben", *[m.Nick(id=n, nick=f"ben{n}") for n in range(1, 3 * MAX_NICKS)])
    assert not ben.of(m.Error)
    assert [key for key in world_of(playground).nicks if key.startswith("ben")] == [f"ben{3 * MAX_NICKS - 1}"]


def test_what_is_left_of_a_deleted_account(playground):
    _, user = account(playground)
    world = world_of(playground)
    accounts.set_flag(world, user, OPERATOR, on=True)
    accounts.delete(world, user, 7)
    assert (user.deleted, user.disabled, user.account.password) == (True, True, "")
    with pytest.raises(ProtocolError, match="belongs to somebody else"):
        world.add_user("ann")
    ben = come_in(playground, "ben", *sends("@ann", "are you there?"))
    assert ben.of(m.Error)[0].code == Code.NO_SUCH_USER


def test_flags_and_failures(playground):
    _, user = account(playground)
    world = world_of(playground)
    accounts.set_flag(world, user, OPERATOR, on=True)
    accounts.set_flag(world, user, DISABLED, on=True)
    accounts.set_flag(world, user, DISABLED, on=False)
    assert (user.operator, user.disabled) == (True, False)
    accounts.note_failure(world, user)
    accounts.note_failure(world, user)
    playground.server.hub.change()
    playground.advance()
    restart(playground)
    user, world = talker_user(playground, "ann"), world_of(playground)
    assert user.operator
    assert user.account.failed == 2


STEPS = st.lists(
    st.tuples(
        st.sampled_from(["come", "register", "nick", "forget", "fail", "delete", "full", "well"]),
        st.sampled_from(["ann", "ben", "cem"]),
        st.sampled_from(["ann", "ben", "cem", "dan", "eve"]),
    ),
    max_size=30,
)


@settings(max_examples=examples(100), deadline=None)
@given(STEPS)
def test_no_nick_of_an_account_is_ever_somebody_elses(steps):
    """Whatever comes, goes, registers and is renamed over a failing disk: whose a nick was it stays."""
    playground = Playground()
    playground.start_server()
    owners = {}
    for what, nick, other in steps:
        world = world_of(playground)
        user = world.nicks.get(nick)
        if what in {"full", "well"}:
            playground.store.failing = OSError("disk full") if what == "full" else None
        elif what == "come":
            come_in(playground, nick)
        elif user is not None:
            step(playground, what, user, other)
        playground.server.hub.change()
        playground.advance()
        stored = {row.key: row.user for row in playground.store.nicks.values()}
        assert owners.items() <= stored.items()
        owners = stored
    playground.store.failing = None
    restart(playground)
    assert {key: world_of(playground).nicks[key].id for key in owners} == owners


def step(playground, what, user, other):
    world = world_of(playground)
    session = next(iter(user.sessions), None)
    if what == "register" and user.account is None:
        accounts.make(world, user, "hash", 7)
    elif what == "fail":
        accounts.note_failure(world, user)
    elif what == "delete":
        accounts.delete(world, user, 7)
    elif session is not None and session.peer is not None:
        try:
            words = {"nick": m.Nick(id=1, nick=other)}
            playground.server.hub.decide(session.peer, session, words[what], 7)
            playground.server.hub.call()
        except (KeyError, RequestError):
            playground.server.hub.forget(session.peer, 7)


def test_a_world_is_loaded_with_its_accounts(playground):
    account(playground)
    world = world_of(playground)
    loaded = World(playground.store.load(), Terms(world.terms.quota, show_addresses=False))
    assert loaded.nicks["ann"].account == world.nicks["ann"].account


def test_the_id_of_a_guest_who_is_forgotten_is_given_to_nobody_else(playground):
    world = world_of(playground)
    for nick in ("ann", "ben"):  # as chatctl makes them: without a session
        accounts.make(world, world.add_user(nick), "hash", 7)
    playground.server.hub.change()
    cem = come_in(playground, "cem")
    number = talker_user(playground, "cem").id
    cem.say(m.Goodbye(forget=True))
    playground.advance()
    assert number not in world.users
    restart(playground)
    come_in(playground, "dan")
    assert talker_user(playground, "dan").id > number


ROWS_WITH_A_STRANGER = [
    PutAct(7, "ban", "@cem", 50, 0, "ann", ""),
    PutBlock(1, 50),
    PutUpload(50, "ab", 5),
]


@pytest.mark.parametrize("row", ROWS_WITH_A_STRANGER)
def test_nor_is_one_that_a_row_of_an_older_folder_names(playground, row):
    come_in(playground, "ann", m.Join(id=1, room="#tea"))
    (room,) = playground.store.rooms
    playground.store._write(row._replace(room=room) if isinstance(row, PutAct) else row)
    restart(playground)
    come_in(playground, "dan")
    assert talker_user(playground, "dan").id > 50


def test_nobody_comes_in_as_the_twin_of_a_nick_that_an_account_had(playground):
    ann, _ = account(playground, "ben")
    ann.say(m.Nick(id=1, nick="PaulI"), m.Nick(id=2, nick="pete"))
    playground.advance()
    assert [ok.id for ok in ann.of(m.Ok)] == [1, 2]
    for _ in range(2):
        paull = come_in(playground, "Paull")
        assert [error.code for error in paull.of(m.Error)] == [Code.NICK_TAKEN]
        restart(playground)
    pete = talker_user(playground, "pete")
    assert (set(pete.kept), pete.shown) == ({"ben", "pauli", "pete"}, {"ben": "ben", "pauli": "PaulI"})
