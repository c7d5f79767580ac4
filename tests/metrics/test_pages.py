"""What Prometheus reads is what the daemon did, in names and numbers that have a bound."""

import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families as open_metrics
from prometheus_client.parser import text_string_to_metric_families
from twisted.internet import error
from twisted.web.http import HTTPChannel

from chatd.metrics.port import MOST, PATIENCE
from chatd.metrics.survey import PERIOD, SHARES, Survey
from chatd.ops.log import Log
from chatd.wire import messages as m
from tests.helpers import come_in, sends, turns
from tests.metrics.conftest import PORT, Browser


def samples(text, parse=text_string_to_metric_families):
    """Return the samples on a page, by name and labels."""
    return {
        (sample.name, *sorted(sample.labels.items())): sample.value
        for family in parse(text)
        for sample in family.samples
    }


def test_the_page_tells_what_has_happened(watched):
    ann = come_in(watched.playground, "ann", m.Join(id=1, room="#a"), *sends("#a", "one", "two"))
    come_in(watched.playground, "ben", m.Join(id=1, room="#a"), m.Leave(id=2, room="#b"))
    ann.transport.loseConnection()
    found = samples(watched.get().body)
    assert found["chatd_connections_opened_total",] == 2
    assert found["chatd_logins_total", ("kind", "new")] == 2
    assert found["chatd_events_total",] == 4
    assert found["chatd_commit_events_sum",] == 4
    assert found["chatd_request_errors_total", ("code", "no-such-room")] == 1
    assert found["chatd_users",] == 2
    assert found["chatd_sessions",] == 2
    states = {key: value for key, value in found.items() if key[0] == "chatd_connections"}
    assert list(states.values()) == [1]
    assert found["chatd_ready",] == 1


def test_refusals_and_ends_are_told_by_code_and_reason(watched):
    come_in(watched.playground, "ann")
    come_in(watched.playground, "ann")
    found = samples(watched.get().body)
    assert found["chatd_refusals_total", ("code", "nick-taken")] == 1
    assert sum(value for key, value in found.items() if key[0] == "chatd_disconnects_total") == 1


def test_readers_that_lag_are_counted(watched):
    talker = come_in(watched.playground, "ann", m.Join(id=1, room="#a"))
    slow = come_in(watched.playground, "ben", m.Join(id=1, room="#a"))
    slow.transport.pauseProducing()
    for number in range(100):
        talker.say(*sends("#a", "x" * 16_000, n=number + 1))
        watched.playground.advance(0.1)
    found = samples(watched.get().body)
    assert found["chatd_lagging_readers",] == 1
    assert 1 <= found["chatd_lag_events_max",] == found["chatd_lag_events",] <= 100


def test_lines_that_the_log_dropped_are_counted(watched):
    watched.log_watch({})
    watched.log_watch({"chatd": None})
    seen = []
    Log("x", type("Logger", (), {"emit": lambda _, *__, **event: seen.append(event)})()).warn(
        "log-dropped", "The log could not be written in time.", count=7
    )
    watched.log_watch(seen[0])
    assert samples(watched.get().body)["chatd_log_dropped_lines_total",] == 7


def test_a_log_that_cannot_be_written_is_shown_while_it_cannot(watched):
    said = []
    log = Log("x", type("Logger", (), {"emit": lambda _, *__, **event: said.append(event)})())
    log.error("log-failed", "The log cannot be written.", error="No space left on device")
    log.info("log-mended", "The log can be written again.")
    for event, failing in zip(said, (1, 0), strict=True):
        watched.log_watch(event)
        assert samples(watched.get().body)["chatd_log_failing",] == failing


def test_no_room_nick_or_address_is_on_the_page_and_the_series_have_a_bound(watched):
    for number in range(60):
        come_in(watched.playground, f"nick{number}", m.Join(id=1, room=f"#secret{number}"))
    body = watched.get().body
    assert "nick" not in body
    assert "secret" not in body
    assert "127.0.0.1:" not in body.replace("tcp:7411", "")
    assert len(samples(body)) < 300


def test_many_connections_are_looked_at_a_few_at_a_time(watched, monkeypatch):
    for number in range(2 * SHARES + 3):
        come_in(watched.playground, f"n{number}")
    found = samples(watched.get().body)
    assert sum(value for key, value in found.items() if key[0] == "chatd_connections") == 2 * SHARES + 3
    looked = []
    monkeypatch.setattr(Survey, "look", lambda _, connection: looked.append(connection))
    watched.playground.advance(PERIOD / SHARES)
    assert len(looked) == 3


def test_it_says_whether_people_can_come_in(watched):
    assert (watched.get("/healthz").status, watched.get("/readyz").body) == (200, "ok\n")
    watched.playground.store.failing = OSError("disk full")
    come_in(watched.playground, "ann")
    answer = watched.get("/readyz")
    assert (answer.status, answer.body) == (503, "Nothing can be written to the disk; the log says why.\n")
    assert watched.get("/healthz").status == 200
    assert samples(watched.get().body)["chatd_ready",] == 0
    watched.playground.store.failing = None
    come_in(watched.playground, "ben")
    assert watched.get("/readyz").status == 200


def test_a_disk_that_hangs_makes_it_unready(watched):
    watched.playground.store.held = True
    come_in(watched.playground, "ann")
    watched.playground.advance(6)
    assert watched.get("/readyz").status == 503


def test_a_store_that_does_not_answer_keeps_nobody_from_reading(watched, monkeypatch):
    before = samples(watched.get().body)["chatd_store_bytes",]
    asked = []
    monkeypatch.setattr(
        type(watched.server.store), "space", lambda _, done: asked.append(done), raising=False
    )
    assert samples(watched.get().body)["chatd_store_bytes",] == before
    assert samples(watched.get().body)["chatd_ready",] == 1
    assert len(asked) == 1, "one question waits, and no more"


@pytest.mark.parametrize(
    "accept", ["application/openmetrics-text;version=1.0.0", "application/openmetrics-text"]
)
def test_open_metrics_is_spoken_where_it_is_asked_for(watched, accept):
    browser = watched.get(headers=[f"Accept: {accept}"])
    assert b"application/openmetrics-text" in browser.got
    assert samples(browser.body, open_metrics)["chatd_ready",] == 1


@pytest.mark.parametrize(
    "accept", ["application/openmetrics-text;version=x", "\xff;;,,", "text/plain;version="]
)
def test_a_form_that_is_none_gets_the_plain_one(watched, accept):
    assert samples(watched.get(headers=[f"Accept: {accept}"]).body)["chatd_ready",] == 1


def test_nothing_else_is_there(watched):
    assert watched.get("/").status == 404
    assert watched.get("/metrics", method="POST").status == 405
    assert watched.get("/metrics", method="HEAD").body == ""


def test_whoever_leaves_meanwhile_costs_nothing(watched):
    gone, stays = watched.begin(), watched.begin()
    gone.transport.abortConnection()
    watched.playground.advance(0.2)
    assert stays.status == 200
    assert watched.get().status == 200


def test_those_who_say_nothing_and_too_many_are_closed(watched):
    idle = [Browser("", "", ()) for _ in range(MOST)]
    for one in idle:
        one.asked = ""
        watched.playground.network.connect(one, PORT)
    with pytest.raises(error.ConnectionRefusedError):
        watched.begin()
    watched.playground.advance(15)
    assert all(one.lost is not None for one in idle)
    assert watched.get().status == 200


def test_whoever_asks_byte_by_byte_keeps_no_place(watched):
    slow = Browser("", "", ())
    slow.asked = ""
    watched.playground.network.connect(slow, PORT)
    for _ in range(PATIENCE + 1):
        slow.transport.write(b"G")
        watched.playground.advance(1)
    assert slow.lost is not None


@pytest.mark.parametrize(
    ("asked", "times"),
    [("GET /metrics HTTP/1.0\r\n\r\n", 1), ("GET /metrics HTTP/1.1\r\nHost: h\r\n\r\n", 400)],
)
def test_whoever_takes_no_answer_keeps_no_place(watched, asked, times):
    browser = Browser("", "", ())
    browser.asked = asked * times
    watched.playground.network.connect(browser, PORT).pauseProducing()
    watched.playground.advance(PATIENCE - 1)
    assert browser.lost is None
    watched.playground.advance(PATIENCE + HTTPChannel.abortTimeout)
    assert browser.lost is not None


def test_a_connection_that_asks_again_and_again_is_kept(watched):
    browser = Browser("", "", ())
    browser.asked = ""
    watched.playground.network.connect(browser, PORT)
    for _ in range(5):
        browser.transport.write(b"GET /healthz HTTP/1.1\r\nHost: h\r\n\r\n")
        watched.playground.advance(PATIENCE - 1)
    assert browser.got.count(b"HTTP/1.1 200") == 5
    assert browser.lost is None


def test_many_requests_in_one_piece_are_answered_one_in_each_turn(watched):
    """Each takes milliseconds, and a kernel hands over thousands at once (P6)."""
    browser = watched.begin()
    browser.transport.abortConnection()
    browser = Browser("/healthz", "GET", ())
    browser.asked = "GET /healthz HTTP/1.1\r\nHost: h\r\n\r\n" * 100
    watched.playground.network.connect(browser, PORT)
    answered = most = 0
    for _ in turns(watched.playground.clock, 0):
        now = browser.got.count(b"HTTP/1.1 200")
        answered, most = now, max(most, now - answered)
    assert answered == 100
    assert most <= 2


def test_answers_that_nobody_reads_are_not_made(watched):
    browser = Browser("/metrics", "GET", ())
    browser.asked = "GET /metrics HTTP/1.1\r\nHost: h\r\n\r\n" * 400
    transport = watched.playground.network.connect(browser, PORT)
    transport.pauseProducing()
    watched.playground.advance(1)
    assert len(transport.incoming.buffer) < 200_000


@pytest.mark.parametrize("head", ["Content-Length: 99999999", "Transfer-Encoding: chunked"])
def test_a_body_is_not_kept_whatever_its_size(watched, head):
    browser = Browser("/metrics", "POST", ())
    body = ("fff\r\n" + "x" * 0xFFF + "\r\n") * 40
    browser.asked = f"POST /metrics HTTP/1.1\r\nHost: h\r\n{head}\r\n\r\n{body}"
    watched.playground.network.connect(browser, PORT)
    watched.playground.advance(1)
    assert browser.status == 413
    assert browser.lost
