"""Attempts beside silent ones on the way to a proxy over TLS: their segments become smaller."""

from chatd.client.net.proxies.narrowing import TERM, Narrowing


def test_attempts_beside_two_silent_ones_are_smaller():
    narrowing = Narrowing()
    assert [narrowing.begin(0, 2.0 * number) for number in range(5)] == [0, 0, 1200, 500, 500]


def test_a_round_that_has_ended_counts_no_more():
    narrowing = Narrowing()
    for number in range(5):
        narrowing.begin(0, 2.0 * number)
    for _ in range(5):
        narrowing.ended()
    assert narrowing.begin(0, 12.0) == 0


def test_what_came_through_is_used_at_once_for_a_while():
    narrowing = Narrowing()
    narrowing.begin(0, 0.0)
    narrowing.came_through(1200, 4.0)
    narrowing.ended()
    assert [narrowing.begin(0, 10.0), narrowing.begin(0, 12.0)] == [1200, 500]
    narrowing.ended()
    narrowing.ended()
    assert narrowing.begin(0, 4.0 + TERM) == 0


def test_what_the_machine_asks_for_is_never_exceeded():
    narrowing = Narrowing()
    assert [narrowing.begin(500, 0.0), narrowing.begin(500, 2.0)] == [500, 500]
    assert narrowing.begin(1200, 4.0) == 500
