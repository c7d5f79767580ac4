"""What peers may create: users, sessions, rooms, logs of direct messages, in all and per time (P5, P6)."""

import pytest

from chatd.chat.quota import WINDOW
from chatd.ops.settings import Config, LimitsConfig
from chatd.server.newcomers import Newcomers
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
    monkeypatch.setattr("chatd.server.server._is_local", lambda _: False)


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


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("2001:db8::1", "2001:db8::ffff:2", True),
        ("2001:db8::1", "2001:db8:0:1::1", False),
        ("fe80::1%eth0", "fe80::2%eth0", True),
        ("192.0.2.1", "192.0.2.2", False),
        ("strange:", "strange:", True),
    ],
)
def test_an_ipv6_network_counts_as_one_address(one, other, same):
    newcomers = Newcomers(1)
    assert newcomers.wait(one, 0.0) == 0
    assert (newcomers.wait(other, 0.0) > 0) is same


@pytest.mark.parametrize("rate", [0, 1])
def test_this_machine_begins_as_many_sessions_as_it_likes(rate):
    playground = begin(new_sessions_per_minute=rate)
    for number in range(20):
        assert come_in(playground, f"n{number}").of(m.Welcome)


@pytest.mark.usefixtures("remote")
def test_addresses_that_were_seen_once_are_forgotten(monkeypatch):
    playground = begin(new_sessions_per_minute=60)
    rate = playground.server._newcomers
    for number in range(50_000):
        rate.wait(f"2001:db8:0:{number:x}::1", number * 1.0)
    assert len(rate) < 5000


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
