"""Users whose last session has ended leave nothing behind but what others still need of them."""

import pytest

from chatd.chat.changes.rows import PutUser
from chatd.ops.settings import Config, SessionConfig
from chatd.testing import Playground
from chatd.wire import messages as m
from tests.helpers import come_in, restart, sends

DAY = 86_400


@pytest.fixture
def playground():
    playground = Playground(Config(session=SessionConfig(expire_days=2)))
    playground.start_server()
    return playground


def go(playground, talker):
    talker.transport.loseConnection()
    playground.advance()


def known(playground):
    """Return the nicks in memory, which must be those on disk."""
    world = playground.server.hub.world
    on_disk = playground.store.users
    assert {user.id: user.row() for user in world.users.values()} == on_disk
    assert {user.key for user in world.users.values() if user.key} == set(world.nicks)
    return sorted(user.nick for user in world.users.values())


def let_sessions_expire(playground):
    playground.advance(3 * DAY, step=300)


def test_a_user_whose_sessions_have_expired_is_forgotten(playground):
    ann = come_in(playground, "ann", m.Join(id=1, room="#a"), *sends("#a", "I was here"))
    come_in(playground, "ben", m.Join(id=1, room="#a"))
    go(playground, ann)
    assert known(playground) == ["ann", "ben"]
    let_sessions_expire(playground)
    assert known(playground) == ["ben"]
    restart(playground)
    assert known(playground) == ["ben"]
    again = come_in(playground, "ann", m.Join(id=1, room="#a", after=0))
    assert again.texts() == ["I was here"]


def test_those_who_never_got_their_welcome_are_forgotten_at_once(playground):
    for number in range(20):
        go(playground, come_in(playground, f"n{number}", m.Join(id=1, room="#a"), answer_pings=False))
    assert known(playground) == []


PROPOSED = "h1T4qhAYBlNJoz40pbi7y1x32WPuH0gdndm5QQGJ0M0"


def test_a_nick_whose_first_welcome_was_lost_in_a_crash_is_free_after_two_minutes(playground):
    playground.advance(600)
    come_in(playground, "ann", m.Join(id=1, room="#a"), answer_pings=False)
    restart(playground)
    playground.advance(110)
    assert come_in(playground, "ann").of(m.Error)[0].code == "nick-taken"
    playground.advance(20)
    assert come_in(playground, "ann").of(m.Welcome)


def test_a_session_that_came_back_within_the_two_minutes_stays(playground):
    token = come_in(playground, "ann", answer_pings=False).of(m.Welcome)[0].token
    restart(playground)
    playground.advance(60)
    go(playground, come_in(playground, token=token))
    playground.advance(3600)
    assert known(playground) == ["ann"]


def test_a_newcomer_who_proposes_the_token_finds_the_session_again_whose_welcome_was_lost(playground):
    first = come_in(playground, "ann", answer_pings=False, new_token=PROPOSED).of(m.Welcome)[0]
    assert first.token == PROPOSED
    restart(playground)
    again = come_in(playground, "ann", new_token=PROPOSED).of(m.Welcome)[0]
    assert (again.session, again.token, again.resumed) == (first.session, PROPOSED, False)
    assert come_in(playground, token=PROPOSED).of(m.Welcome)[0].session == first.session


def test_a_proposed_token_finds_its_session_beside_a_connection_that_is_not_known_to_be_dead(playground):
    first = come_in(playground, "ann", answer_pings=False, new_token=PROPOSED)
    again = come_in(playground, "ann", new_token=PROPOSED)
    assert again.of(m.Welcome)[0].session == first.of(m.Welcome)[0].session
    assert [goodbye.reason for goodbye in first.of(m.Goodbye)] == ["taken-over"]
    go(playground, first)
    go(playground, again)
    assert known(playground) == ["ann"]


def test_nobody_has_anothers_nick_by_a_proposed_token(playground):
    come_in(playground, "ann", new_token=PROPOSED)
    other = come_in(playground, "ann", new_token=PROPOSED.replace("h", "x"))
    assert other.of(m.Error)[0].code == "nick-taken"


def test_a_token_that_is_too_short_to_be_secret_is_not_taken(playground):
    assert come_in(playground, "ann", new_token="ann").of(m.Error)[0].code == "bad-message"
    assert known(playground) == []


def test_whoever_has_direct_messages_is_remembered_and_the_nick_is_free(playground):
    ben = come_in(playground, "ben")
    ann = come_in(playground, "ann", *sends("@ben", "hi"))
    go(playground, ann)
    let_sessions_expire(playground)
    assert known(playground) == ["ann", "ben"]
    assert come_in(playground, "ann").of(m.Welcome)
    again = come_in(playground, token=ben.of(m.Welcome)[0].token)
    assert [(state.room, state.peer) for state in again.of(m.Welcome)[0].rooms] == [("@1+2", "ann")]


def test_a_user_stays_when_the_end_of_the_session_could_not_be_stored(playground):
    lost = come_in(playground, "ann", m.Join(id=1, room="#a"), answer_pings=False)
    playground.store.failing = OSError("disk full")
    go(playground, lost)
    assert known(playground) == ["ann"]
    assert come_in(playground, "ann").of(m.Error)[0].code == "nick-taken"
    playground.store.failing = None
    let_sessions_expire(playground)
    assert known(playground) == []


def test_those_that_were_left_behind_earlier_go_with_the_first_round(playground):
    playground.crash_server()
    playground.store.users[7] = PutUser(7, "old", None)
    playground.start_server()
    playground.advance(1)
    assert known(playground) == []


def test_a_second_device_keeps_its_user(playground):
    phone = come_in(playground, "ann")
    come_in(playground, token=phone.of(m.Welcome)[0].token, device=True)
    go(playground, phone)
    let_sessions_expire(playground)
    assert known(playground) == ["ann"]
    assert len(playground.store.sessions) == 1


def test_the_id_of_a_forgotten_user_is_never_given_again(playground):
    seen = set()
    for _ in range(3):
        for nick in ("ann", "ben"):
            lost = come_in(playground, nick, answer_pings=False)
            (user,) = playground.server.hub.world.users
            assert user not in seen
            seen.add(user)
            go(playground, lost)
        restart(playground)
    assert known(playground) == []
