"""What peers may create: users, sessions, rooms, logs of direct messages, in all and per time (P5, P6)."""

import pytest

from chatd.chat.quota import WINDOW
from chatd.ops.settings import Config, LimitsConfig
from chatd.server.budgets import Action
from chatd.testing import Playground
from chatd.wire import messages as m
from tests.helpers import come_in, restart, sends


def begin(**limits):
    playground = Playground(Config(limits=LimitsConfig(**limits)))
    playground.start_server()
    return playground


def refusals(talker):
    return [(error.id, error.code) for error in talker.of(m.Error)]


def token_of(talker):
    return talker.of(m.Welcome)[0].token


# ---- users and sessions ---------------------------------------------------------------------------------


def test_no_more_users_than_the_operator_allows():
    playground = begin(max_users=2)
    ann = come_in(playground, "ann")
    come_in(playground, "ben")
    for _ in range(2):
        cem = come_in(playground, "cem")
        assert refusals(cem) == [(None, "too-many-users")]
        assert cem.lost is not None
        assert come_in(playground, token=token_of(ann)).of(m.Welcome)[0].resumed
        restart(playground)


def test_no_more_devices_than_the_operator_allows():
    playground = begin(max_devices=2)
    ann = come_in(playground, "ann")
    second = come_in(playground, token=token_of(ann), device=True)
    assert second.of(m.Welcome)
    third = come_in(playground, token=token_of(ann), device=True)
    assert refusals(third) == [(None, "too-many-devices")]
    assert come_in(playground, token=token_of(second)).of(m.Welcome)[0].resumed
    assert come_in(playground, "ben").of(m.Welcome)


@pytest.fixture
def remote(monkeypatch):
    """Let every connection come from an address that is not this machine's."""
    monkeypatch.setattr("chatd.server.budgets.is_local", lambda _: False)


@pytest.mark.usefixtures("remote")
def test_new_sessions_come_at_a_rate_and_old_ones_at_any():
    playground = begin(new_sessions_per_minute=3)
    ann = come_in(playground, "ann")
    come_in(playground, "ben")
    assert come_in(playground, token=token_of(ann), device=True).of(m.Welcome)
    hasty = come_in(playground, "cem")
    (error,) = hasty.of(m.Error)
    assert (error.code, error.retry_after) == ("too-fast", 20.0)
    assert hasty.lost is not None
    device = come_in(playground, token=token_of(ann), device=True)
    assert refusals(device) == [(None, "too-fast")]
    assert come_in(playground, token=token_of(ann)).of(m.Welcome)[0].resumed
    playground.advance(20, step=1)
    assert come_in(playground, "cem").of(m.Welcome)
    assert refusals(come_in(playground, "dan")) == [(None, "too-fast")]


@pytest.mark.parametrize("rate", [0, 1])
def test_this_machine_begins_as_many_sessions_as_it_likes(rate):
    playground = begin(new_sessions_per_minute=rate)
    for number in range(20):
        assert come_in(playground, f"n{number}").of(m.Welcome)


# ---- tokens, joins, history, files ----------------------------------------------------------------------


@pytest.mark.usefixtures("remote")
def test_guesses_are_bounded_and_a_right_token_is_let_in_all_the_same():
    playground = begin(failed_logins_per_minute=5)
    ann = come_in(playground, "ann")
    codes = [refusals(come_in(playground, token="x" * n))[0][1] for n in range(1, 11)]
    assert codes == ["unknown-session"] * 5 + ["too-fast"] * 5
    assert come_in(playground, token=token_of(ann)).of(m.Welcome)[0].resumed
    (error,) = come_in(playground, token="y").of(m.Error)
    assert "(failed_logins_per_minute)" in error.text
    playground.advance(error.retry_after, step=1)
    assert refusals(come_in(playground, token="y")) == [(None, "unknown-session")]


@pytest.mark.usefixtures("remote")
def test_a_storm_of_returns_trips_nothing_and_a_loop_of_one_user_is_stopped():
    playground = begin(connections_per_minute=20, resumes_per_minute=30, new_sessions_per_minute=10)
    tokens = [token_of(come_in(playground, f"n{number}")) for number in range(10)]
    for _ in range(20):
        for token in tokens:
            back = come_in(playground, token=token)
            assert back.of(m.Welcome)
            back.transport.loseConnection()
    codes = [refusals(come_in(playground, token=tokens[0])) for _ in range(15)]
    assert [(None, "too-fast")] in codes
    assert come_in(playground, token=tokens[1]).of(m.Welcome)


@pytest.mark.usefixtures("remote")
def test_a_return_that_is_refused_costs_a_connection():
    playground = begin(connections_per_minute=5, resumes_per_minute=2)
    token = token_of(come_in(playground, "ann"))
    texts = [come_in(playground, token=token).of(m.Error) for _ in range(10)]
    limits = [error.text.partition("(")[2].partition(")")[0] for errors in texts for error in errors]
    assert limits == ["resumes_per_minute"] * 4 + ["connections_per_minute"] * 4


@pytest.mark.usefixtures("remote")
def test_a_return_that_is_asked_first_counts_once():
    playground = begin(connections_per_minute=10, resumes_per_minute=4, users_per_address=100)
    ann = come_in(playground, "ann")
    (address,) = playground.server.budgets._open.values()
    for _ in range(4):
        assert come_in(playground, token=token_of(ann), beside=True).of(m.Welcome)
        (count,) = {ration.left for action, ration in address.items() if action is Action.CONNECTION}
        assert count == 9
    assert refusals(come_in(playground, token=token_of(ann), beside=True)) == [(None, "too-fast")]


@pytest.mark.usefixtures("remote")
def test_connections_beyond_the_rate_are_told_when_to_come_back():
    playground = begin(connections_per_minute=3)
    for name in ("ann", "ben", "cem"):
        assert come_in(playground, name).of(m.Welcome)
    late = come_in(playground, "dan")
    (error,) = late.of(m.Error)
    assert (error.code, error.id) == ("too-fast", None)
    assert "(connections_per_minute)" in error.text
    assert late.lost is not None
    playground.advance(error.retry_after + 0.1, step=1)
    assert come_in(playground, "dan").of(m.Welcome)


def test_joins_are_bounded_and_other_requests_go_on():
    playground = begin(joins_per_minute=3)
    ann = come_in(playground, "ann", *[m.Join(id=n, room=f"#r{n}") for n in range(1, 6)])
    assert refusals(ann) == [(4, "too-fast"), (5, "too-fast")]
    wait = ann.of(m.Error)[0].retry_after
    assert 0 < wait <= 21
    ann.say(*sends("#r1", "still here"))
    playground.advance(wait + 0.1, step=1)
    assert ann.texts() == ["still here"]
    ann.say(m.Join(id=9, room="#r4"))
    playground.advance()
    assert ann.of(m.Ok)[-1].id == 9


def test_following_again_what_one_is_in_is_no_join():
    """A client with more rooms and direct messages than one hello names asks for each of the others."""
    playground = begin(joins_per_minute=3)
    ann = come_in(playground, "ann", *[m.Join(id=n, room=f"#r{n}") for n in range(1, 4)])
    come_in(playground, "ben")
    ann.say(*sends("@ben", "hello"))
    playground.advance()
    back = come_in(playground, token=token_of(ann), follow="listed")
    back.say(*[m.Join(id=10 + n, room=f"#r{1 + n % 3}", after=0) for n in range(12)])
    back.say(*[m.Join(id=30 + n, room="@ben", after=0) for n in range(12)])
    playground.advance()
    assert not refusals(back)


@pytest.mark.usefixtures("remote")
def test_rooms_of_an_address_are_bounded_whoever_makes_them():
    playground = begin(new_rooms_per_hour=2, users_per_address=2)
    refused = []
    for name in ("ann", "ben", "cem"):
        talker = come_in(playground, name, m.Join(id=1, room=f"#{name}1"), m.Join(id=2, room=f"#{name}2"))
        refused.append(refusals(talker))
    assert refused == [[], [], [(1, "too-fast"), (2, "too-fast")]]
    assert not refusals(come_in(playground, "dan", m.Join(id=1, room="#ann1")))


@pytest.mark.usefixtures("remote")
def test_no_budget_tells_a_private_room_from_none():
    """Neither that of the address nor that of the user; a room that is refused costs neither."""
    playground = begin(new_rooms_per_hour=2, users_per_address=1)
    private = m.Set(id=2, room="#secret", rule="kind", value="private")
    ann = come_in(playground, "ann", m.Join(id=1, room="#secret"), private)
    assert not refusals(ann)
    ben = come_in(playground, "ben", *[m.Join(id=n, room="#secret") for n in range(1, 9)])
    ben.say(*[m.Join(id=10, room="#free", after=7), m.Join(id=11, room="#bad name")])
    playground.advance()
    assert [code for _, code in refusals(ben)] == ["room-taken"] * 8 + ["cursor-beyond-head", "bad-room"]
    cem = come_in(playground, "cem", m.Join(id=1, room="#free"))
    assert not refusals(cem)
    for talker in (ben, cem, ann):
        heard = len(talker.of(m.Error))
        talker.say(m.Join(id=12, room="#unknown"))
        if talker is not ann:
            talker.say(m.Join(id=13, room="#secret"), m.Join(id=14, room="#Secret"))
        playground.advance()
        assert {error.code for error in talker.of(m.Error)[heard:]} == {"too-fast"}


def test_history_is_slowed_down_for_who_reads_on_and_refused_for_who_pours():
    playground = begin(history_per_minute=60)
    ann = come_in(playground, "ann", m.Join(id=1, room="#a"), *sends("#a", "x"))
    for number in range(80):
        ann.say(m.History(id=100 + number, room="#a", limit=1))
        playground.advance(1.0)
    assert not ann.of(m.Error)
    ben = come_in(playground, token=token_of(ann), device=True)
    for talker in (ann, ben):
        talker.say(*[m.History(id=1000 + number, room="#a", limit=1) for number in range(100)])
    playground.advance(30)
    codes = {error.code for talker in (ann, ben) for error in talker.of(m.Error)}
    assert codes <= {"too-fast"}
    pages = sum(bool(ok.events) for talker in (ann, ben) for ok in talker.of(m.Ok))
    assert pages <= 80 + 60 + 31
    assert ann.lost is None
    assert ben.lost is None


# ---- rooms ----------------------------------------------------------------------------------------------


def test_no_more_rooms_than_the_operator_allows():
    playground = begin(max_rooms=2)
    ben = come_in(playground, "ben")
    ann = come_in(
        playground, "ann", m.Join(id=1, room="#a"), m.Join(id=2, room="#b"), m.Join(id=3, room="#c")
    )
    assert refusals(ann) == [(3, "no-more-rooms")]
    ann.say(*sends("@ben", "hi"), m.Join(id=4, room="@ben"), m.Join(id=5, room="#a"))
    playground.advance()
    assert refusals(ann)[1:] == [(1001, "no-more-rooms"), (4, "no-more-rooms")]
    assert [ok.id for ok in ann.of(m.Ok)] == [1, 2, 5]
    ben.say(m.Join(id=1, room="#b"))
    playground.advance()
    assert refusals(ben) == []


def test_so_many_logs_of_direct_messages_may_be_begun():
    playground = begin(max_direct=2)
    nicks = ["ben", "cem", "dan"]
    others = {nick: come_in(playground, nick) for nick in nicks}
    ann = come_in(playground, "ann", *[m.Join(id=i, room=f"@{nick}") for i, nick in enumerate(nicks)])
    assert refusals(ann) == [(2, "too-many-direct")]
    others["dan"].say(*sends("@ann", "from another side"))
    playground.advance()
    assert refusals(others["dan"]) == []
    assert ann.texts() == ["from another side"]
    ann.say(*sends("@dan", "an answer"))
    playground.advance()
    assert others["dan"].texts() == ["from another side", "an answer"]
    token = token_of(ann)
    eva = come_in(playground, "eva")
    restart(playground)
    ann = come_in(playground, "", *sends("@eva", "hi", n=2), token=token)
    assert refusals(ann) == [(1002, "too-many-direct")]
    assert eva.texts() == []


def test_rooms_are_made_at_a_rate():
    playground = begin(new_rooms_per_hour=3)
    come_in(playground, "ben")
    ann = come_in(playground, "ann", *[m.Join(id=i, room=f"#r{i}") for i in range(4)], *sends("@ben", "hi"))
    refused = ann.of(m.Error)
    assert [(error.id, error.code) for error in refused] == [(3, "too-fast"), (1001, "too-fast")]
    first, second = (error.retry_after for error in refused)  # each has a moment of its own
    assert first == 1200.0
    assert first < second <= first + WINDOW
    assert ann.lost is None
    cem = come_in(
        playground, "cem", *[m.Join(id=i, room=f"#r{i}") for i in range(3)], m.Join(id=9, room="#r9")
    )
    assert refusals(cem) == []
    playground.advance(1201, step=10)
    ann.say(*sends("@ben", "hi"), m.Join(id=4, room="#r4"))
    playground.advance()
    assert ann.texts() == ["hi"]
    assert [(error.id, error.code) for error in ann.of(m.Error)][2:] == [(4, "too-fast")]


def test_a_refused_room_costs_nothing():
    playground = begin(new_rooms_per_hour=1)
    ann = come_in(playground, "ann", m.Join(id=1, room="#a", after=7), *sends("@nobody", "x"))
    ann.say(m.Join(id=2, room="#a"))
    playground.advance()
    assert [ok.id for ok in ann.of(m.Ok)] == [2]
