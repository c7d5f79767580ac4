"""Budgets: what users and addresses may do, for how long, and that nobody is remembered for ever (P5, P6)."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chatd.chat.quota import LEASED, Bucket, Lease
from chatd.chat.state import User
from chatd.ops.current import Current
from chatd.ops.settings import Config, LimitsConfig
from chatd.server.budgets import BUDGETS, MAX_IDLE, Action, Budgets, TooFastError
from chatd.wire.errors import Code
from tests.helpers import in_force

SHARED = [action for action in Action if BUDGETS[action].shared and action is not Action.ROOM]


def user(number=1):
    return User(number, f"n{number}", f"n{number}")


def used(budgets, action, host, whom, now, most=10_000):
    """Return how many of ``action`` may be done at once."""
    for count in range(most):
        try:
            budgets.spend(action, host, whom, now)
        except TooFastError:
            return count
    return most


def test_every_kind_has_its_budget_and_every_setting_exists():
    assert set(BUDGETS) == set(Action)
    for budget in BUDGETS.values():
        assert getattr(LimitsConfig(), budget.setting) > 0


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
    budgets = Budgets(in_force(new_sessions_per_minute=1))
    assert used(budgets, Action.SESSION, one, None, 0.0) == 1
    assert used(budgets, Action.SESSION, other, None, 0.0, 1) == (0 if same else 1)


def test_a_network_of_48_bits_may_do_as_much_as_so_many_addresses():
    budgets = Budgets(in_force(new_sessions_per_minute=2, networks_per_48=3))
    counts = [used(budgets, Action.SESSION, f"2001:db8:0:{n:x}::1", None, 0.0) for n in range(5)]
    assert counts == [2, 2, 2, 0, 0]
    assert used(budgets, Action.SESSION, "2001:db8:1::1", None, 0.0) == 2


def test_the_same_for_open_connections():
    limits = LimitsConfig(max_connections_per_address=2, networks_per_48=2)
    budgets = Budgets(Current(Config(limits=limits)))
    hosts = [f"2001:db8:0:{n:x}::1" for n in (0, 0, 0, 1, 1, 2)]
    codes = [(error := budgets.open(host, 0.0)) and error.code for host in hosts]
    crowded = Code.TOO_MANY_CONNECTIONS
    assert codes == [None, None, crowded, None, crowded, crowded]
    for host in hosts:
        budgets.close(host)
    assert not budgets._open
    assert budgets.open(hosts[0], 0.0) is None


@pytest.mark.parametrize("host", ["unix", "127.0.0.1", "127.0.0.9", "::1"])
def test_this_machine_is_no_address(host):
    budgets = Budgets(in_force(new_sessions_per_minute=1, max_connections_per_address=1))
    for _ in range(10):
        assert budgets.open(host, 0.0) is None
        assert budgets.spend(Action.SESSION, host, None, 0.0) == 0
    assert len(budgets) == 0


@pytest.mark.parametrize("action", SHARED)
def test_a_user_is_held_whatever_the_address_and_an_address_whoever_the_user(action):
    budgets = Budgets(in_force(**{BUDGETS[action].setting: 3}, users_per_address=2))
    ann = user(1)
    assert used(budgets, action, "192.0.2.1", ann, 0.0) == 3
    assert used(budgets, action, "192.0.2.2", ann, 0.0) == 0
    assert used(budgets, action, "127.0.0.1", ann, 0.0) == 0
    assert used(budgets, action, "192.0.2.1", user(2), 0.0) == 3
    assert used(budgets, action, "192.0.2.1", user(3), 0.0) == 0
    assert used(budgets, action, "192.0.2.3", user(3), 0.0) == 3


@pytest.mark.parametrize("action", Action)
def test_a_refusal_names_the_limit_and_when_to_try_again(action):
    budgets = Budgets(in_force(**{BUDGETS[action].setting: 1}, users_per_address=1))
    budgets.spend(action, "192.0.2.1", None, 0.0)
    with pytest.raises(TooFastError) as caught:
        budgets.spend(action, "192.0.2.1", None, 0.0)
    assert f"({BUDGETS[action].setting})" in caught.value.text
    assert "192.0.2.1" in caught.value.text
    wait = caught.value.of_request().retry_after
    assert wait == pytest.approx(BUDGETS[action].seconds, abs=0.01)
    budgets.spend(action, "192.0.2.1", None, wait + 0.01)


@pytest.mark.parametrize("action", Action)
def test_zero_is_no_limit(action):
    budgets = Budgets(in_force(**{BUDGETS[action].setting: 0}))
    assert used(budgets, action, "192.0.2.1", user(), 0.0, 50_000) == 50_000


def test_who_comes_back_costs_no_connection_so_that_a_storm_trips_nothing():
    budgets = Budgets(in_force())
    crowd = [user(number) for number in range(1000)]
    for storm in range(20):
        now = storm * 5.0
        for whom in crowd:
            assert budgets.open("192.0.2.1", now) is None
            budgets.returned("192.0.2.1", now)
            assert budgets.spend(Action.RESUME, "192.0.2.1", whom, now) == 0 or storm > 11
            budgets.close("192.0.2.1")
        if storm == 11:
            break
    assert budgets.open("192.0.2.1", 60.0) is None


def test_strangers_connections_are_bounded():
    budgets = Budgets(in_force())
    errors = []
    for _ in range(3100):
        errors.append(budgets.open("192.0.2.1", 0.0))
        budgets.close("192.0.2.1")
    assert [error.code for error in errors if error] == [Code.TOO_FAST] * 100
    assert errors[-1].retry_after > 0


def test_asking_whether_a_connection_may_be_opened_counts_nothing():
    budgets = Budgets(in_force(connections_per_minute=2))
    for _ in range(10):
        assert budgets.tries("192.0.2.1", 0.0) is None
    for _ in range(2):
        assert budgets.open("192.0.2.1", 0.0) is None
    refusal = budgets.tries("192.0.2.1", 0.0)
    assert "(connections_per_minute)" in refusal.text
    assert budgets.tries("192.0.2.1", 31.0) is None


def test_patience_turns_a_refusal_into_a_pause():
    budgets = Budgets(in_force(history_per_minute=60))
    ann = user()
    pauses = [budgets.spend(Action.HISTORY, "unix", ann, 0.0, patience=1.0) for _ in range(61)]
    assert pauses[:60] == [0.0] * 60
    assert 0 < pauses[60] <= 1.0
    with pytest.raises(TooFastError):
        budgets.spend(Action.HISTORY, "unix", ann, 0.0, patience=1.0)


def test_limits_can_be_swapped_and_what_was_used_stays_used():
    current = in_force(joins_per_minute=10)
    budgets = Budgets(current)
    ann = user()
    assert used(budgets, Action.JOIN, "192.0.2.1", ann, 0.0) == 10
    current.config = Config(limits=LimitsConfig(joins_per_minute=15))
    assert used(budgets, Action.JOIN, "192.0.2.1", ann, 0.0) == 5
    current.config = Config(limits=LimitsConfig(joins_per_minute=5))
    assert used(budgets, Action.JOIN, "192.0.2.1", ann, 0.0) == 0
    assert used(budgets, Action.JOIN, "192.0.2.1", ann, 3600.0) == 5
    current.config = Config(limits=LimitsConfig(joins_per_minute=0))
    assert used(budgets, Action.JOIN, "192.0.2.1", ann, 3600.0, 100) == 100


@pytest.mark.slow  # thirty thousand addresses pass by
def test_passers_by_leave_nothing_for_ever():
    budgets = Budgets(in_force())
    stays = "2001:db8:ffff::1"
    budgets.open(stays, 0.0)
    for number in range(30_000):
        host = f"2001:db8:{number % 7000:x}:{number:x}::1"
        budgets.open(host, number * 0.001)
        budgets.close(host)
        budgets.spend(Action.FAILURE, host, None, number * 0.001)
    assert len(budgets) <= MAX_IDLE + 2
    budgets.close(stays)


hosts = st.sampled_from(["192.0.2.1", "192.0.2.2", "2001:db8::1", "2001:db8:0:1::1", "2001:db8:1::1", "unix"])


@given(
    deeds=st.lists(
        st.tuples(hosts, st.integers(0, 3), st.sampled_from(SHARED), st.floats(0, 30)), max_size=80
    )
)
def test_nobody_ever_gets_more_than_the_amount_and_its_rate(deeds):
    limits = LimitsConfig(
        **{BUDGETS[action].setting: 4 for action in Action}, users_per_address=2, networks_per_48=2
    )
    budgets = Budgets(Current(Config(limits=limits)))
    crowd = [user(number) for number in range(4)]
    now, done = 0.0, {}
    for host, who, action, passed in deeds:
        now += passed
        try:
            budgets.spend(action, host, crowd[who], now)
        except TooFastError:
            continue
        for holder, most in [
            (who, 4),
            *((name, 4 * 2 * factor) for name, factor in budgets._networks(host)),
        ]:
            times = done.setdefault((action, holder), [])
            times.append(now)
            for begin in range(len(times)):
                span = now - times[begin]
                assert len(times) - begin <= most + span * most / BUDGETS[action].seconds + 1e-6


@given(
    opens=st.lists(st.tuples(hosts, st.booleans()), max_size=60),
)
def test_connections_are_counted_down_to_nothing(opens):
    budgets = Budgets(in_force(max_connections_per_address=3, networks_per_48=2))
    held = []
    for host, ends in opens:
        budgets.open(host, 0.0)
        held.append(host)
        if ends:
            budgets.close(held.pop(0))
    for host in held:
        budgets.close(host)
    assert not budgets._open


# ---- requests -------------------------------------------------------------------------------------------


@given(
    rate=st.integers(1, 5000),
    spent=st.lists(st.tuples(st.integers(0, 2), st.integers(1, 40), st.floats(0, 3)), max_size=60),
)
def test_leases_give_out_no_more_than_their_buckets_hold(rate, spent):
    pool, narrow = Bucket(rate, 10 * rate, 0.0), Bucket(2 * rate, 20 * rate, 0.0)
    leases = [Lease(pool, narrow) for _ in range(3)]
    now, total = 0.0, 0
    for which, cost, passed in spent:
        now += passed
        lease = leases[which]
        if lease.wait(now) == 0:
            lease.left -= cost
            total += cost
    debts = sum(-min(0.0, lease.left) for lease in leases)
    assert total <= 10 * rate + rate * now + debts + 1e-6
    assert all(lease.left <= LEASED for lease in leases)


@given(rate=st.integers(1, 5000), times=st.integers(0, 100))
def test_who_waits_as_long_as_told_may_spend(rate, times):
    debt = times * rate
    lease = Lease(Bucket(rate, 10 * rate, 0.0))
    assert lease.wait(0.0) == 0
    lease.left -= debt
    now = 0.0
    for _ in range(50):
        wait = lease.wait(now)
        if not wait:
            break
        now += wait + 1e-6
    assert lease.wait(now) == 0
    assert now <= max(0, debt - 10 * rate) / rate + 2.1


def test_a_flood_is_one_until_it_has_been_quiet_for_a_moment():
    lease = Lease(Bucket(100, 1000, 0.0))
    now = 0.0
    while now < 30:
        now += 0.01
        if lease.wait(now) == 0:
            lease.left -= 10
    assert lease.over_since == pytest.approx(1.1, abs=0.3)
    assert 0 < lease.calms_in(now) <= 1.3
    assert lease.calms_in(now + 1.3) == 0
    assert lease.over_since is None
