"""What status and who say is true of the daemon that they were asked about."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from twisted.internet.protocol import Protocol

from chatd.chat.storage import Space, StoreError
from chatd.control.messages import AskStatus, AskWho, Refused, RefusedError
from chatd.control.rows import Connected, StatusReport
from chatd.control.status import SPACE_PATIENCE
from chatd.control.where import conditions
from chatd.counters import Counters, Histogram
from chatd.ops.settings import Config, LimitsConfig
from chatd.server.budgets import Action
from chatd.server.rates import Rates
from chatd.wire import messages as m
from tests.control.conftest import Site
from tests.helpers import come_in, sends


def test_who_knows_what_there_is_to_know(site):
    ann = come_in(site.playground, "ann", m.Join(id=1, room="#a"), software="robot 7")
    ben = come_in(site.playground, "ben", m.Join(id=1, room="#a"), speaks="json-lines", wait=1)
    site.playground.network.connect(Protocol(), 7411)
    site.playground.advance(1)
    rows = {row.nick: row for row in site.ask(AskWho(), Connected, 0)}
    assert set(rows) == {"ann", "ben", ""}
    one = rows["ann"]
    assert (one.software, one.protocol, one.rooms, one.lag, one.account) == ("robot 7", "native", 1, 0, False)
    assert rows["ben"].protocol == "json-lines"
    assert rows[""].state == "opened"
    assert one.bytes_in > 0
    assert one.bytes_out > 0
    ben.transport.pauseProducing()
    ann.say(*sends("#a", *["x" * 4000] * 60))
    site.playground.advance(0.5)
    rows = {row.nick: row for row in site.ask(AskWho(where=["lag>0"]), Connected, 0)}
    assert set(rows) == {"ben"}
    assert rows["ben"].lag > 10
    assert rows["ben"].held == "takes nothing"


def test_where_of_somebody_who_mistypes(site):
    asker = site.connect()
    asker.ask(AskWho(id=1, where=["nik=ann"]))
    site.playground.advance(0.1)
    (refused,) = asker.heard
    assert isinstance(refused, Refused)
    assert (refused.code, "nick" in refused.text) == ("bad-condition", True)


def test_status_counts(site):
    ann = come_in(site.playground, "ann", m.Join(id=1, room="#a"))
    ben = come_in(site.playground, "ben", m.Join(id=1, room="#a"))
    site.playground.advance(0.5)
    ann.say(*sends("#a", *"abcde"))
    site.playground.advance(1)
    ben.transport.loseConnection()
    site.playground.advance(1)
    (report,) = site.ask(AskStatus(), StatusReport)
    assert (report.connections, report.users, report.sessions, report.rooms) == (1, 2, 2, 1)
    assert (report.events, report.states) == (7, {"live": 1})
    assert report.deliveries >= 10
    assert report.ended == {"lost": 1}
    assert report.commit_seconds.number == site.playground.store.commits
    assert report.limited == []
    assert report.rates["events"].minute > 0
    assert report.memory > 1 << 20


def test_status_names_what_is_limited():
    site = Site(Config(limits=LimitsConfig(new_sessions_per_minute=1, max_connections=2)))
    site.playground.network.connect(Protocol(), 7411)
    site.server.budgets.open("192.0.2.1", site.playground.clock.seconds())
    site.server.budgets.spend(Action.SESSION, "192.0.2.1", None, site.playground.clock.seconds())
    site.playground.store.failing = OSError("full")
    site.server.counters.log_error = "No space left on device"
    come_in(site.playground, "ann")
    site.playground.advance(0.1)
    (report,) = site.ask(AskStatus(), StatusReport)
    assert "192.0.2.1 has used up: new_sessions_per_minute" in report.limited
    assert any("nothing can be written" in words for words in report.limited)
    assert "the log: it cannot be written: No space left on device" in report.limited
    assert report.failed_commits > 0


def test_while_the_disk_hangs_status_says_the_rest(site):
    late = []
    site.playground.store.space = late.append
    (report,) = site.ask(AskStatus(), StatusReport, wait=SPACE_PATIENCE + 0.5)
    assert report.store_size is None
    assert report.connections == 0
    late[0](Space(1, 0, 0))  # it answers at last, and nobody asks any more


def test_while_the_disk_cannot_be_asked_status_says_the_rest(site):
    site.playground.store.space = lambda done: done(StoreError("no"))
    (report,) = site.ask(AskStatus(), StatusReport)
    assert report.store_size is None


ROW = Connected(
    connection=3,
    address="192.0.2.7:50412",
    state="live",
    since=7.5,
    silence=0.1,
    bytes_in=5,
    bytes_out=6,
    nick="Ann",
    account=True,
)


@pytest.mark.parametrize(
    ("where", "holds"),
    [
        ("nick=ann", True),
        ("nick=a*", True),
        ("nick=b*", False),
        ("address=192.0.2.7:*", True),
        ("account=yes", True),
        ("operator=yes", False),
        ("relay=", True),
        ("since>7", True),
        ("since<7", False),
        ("round_trip>0", False),
        ("nick>1", False),
        ("connection=3", True),
    ],
)
def test_conditions(where, holds):
    (condition,) = conditions([where], Connected.__struct_fields__)
    assert condition(ROW) is holds


@given(st.text() | st.tuples(st.sampled_from(Connected.__struct_fields__), st.text()).map("=".join))
def test_a_condition_is_one_or_is_refused(text):
    try:
        (condition,) = conditions([text], Connected.__struct_fields__)
    except RefusedError as error:
        assert error.code == "bad-condition"
    else:
        assert condition(ROW) in (True, False)


def test_rates_forget_what_is_long_ago(site):
    counters, clock = Counters(), site.playground.clock
    rates = Rates(counters, clock)
    rates.start()
    for _ in range(30):
        counters.events += 10
        clock.advance(1)
    assert rates.rates()["events"] == (10.0, 10.0, 10.0)
    for _ in range(90):
        clock.advance(1)
    second, minute, quarter = rates.rates()["events"]
    assert (second, minute) == (0, 0)
    assert quarter == pytest.approx(2.5, rel=0.01)
    for _ in range(1000):
        clock.advance(1)
    assert rates.rates()["events"].quarter == 0
    rates.stop()


@given(st.lists(st.floats(0, 10), min_size=1), st.floats(0.01, 1))
def test_a_quantile_is_a_bound(values, part):
    histogram = Histogram((0.1, 1.0, 5.0))
    for value in values:
        histogram.observe(value)
    bound = histogram.quantile(part)
    assert sum(value <= bound for value in values) >= part * len(values) - 1e-6
    assert bound <= histogram.most
