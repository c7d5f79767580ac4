"""Slow readers: who can be told later lags, and who cannot is ended once too much waits."""

import pytest

from chatd.wire.errors import CloseReason

LINES = 3000
TEXT = "x" * 400


def left_behind(place, nick, *capabilities, **fields):
    """Return a client that reads nothing while more than a mebibyte is said, and then reads again."""
    slow = place.enter(nick, *capabilities, **fields)
    talker = place.enter("talker")
    for client in (slow, talker):
        client.ask("JOIN #tea")
    slow.transport.pauseProducing()
    for begin in range(0, LINES, 200):
        talker.send(*[f"PRIVMSG #tea :{number} {TEXT}" for number in range(begin, begin + 200)])
        place.advance(0.2)
        slow.send("PONG :alive")
    slow.transport.resumeProducing()
    return slow, talker


def heard_of(slow):
    lines = slow.hear(2)
    return [int(line.split(" :")[1].split()[0]) for line in lines if " PRIVMSG #tea " in line], lines


def test_a_guest_without_history_is_ended(place):
    slow, talker = left_behind(place, "bea")
    numbers, lines = heard_of(slow)
    assert numbers == list(range(len(numbers))) and len(numbers) < LINES
    assert lines[-1] == "ERROR :Closing link: SendQ exceeded" and slow.ended
    assert any(line.startswith(":bea!") and line.endswith("QUIT :SendQ exceeded") for line in talker.hear(1))
    assert place.playground.server.counters.ended[CloseReason.BEHIND] == 1


@pytest.mark.parametrize("who", ["history", "account"])
def test_whoever_has_history_catches_up(place, who):
    if who == "history":
        slow, _ = left_behind(place, "bea", "draft/chathistory")
    else:
        place.register("bea")
        slow, _ = left_behind(place, "bea", password="a-password")
    assert heard_of(slow)[0] == list(range(LINES))
    assert not slow.ended


def test_a_guest_who_is_a_little_behind_catches_up(place):
    slow, talker = place.enter("bea"), place.enter("talker")
    for client in (slow, talker):
        client.ask("JOIN #tea")
    slow.transport.pauseProducing()
    talker.send(*[f"PRIVMSG #tea :{number} {TEXT}" for number in range(500)])
    place.advance(1)
    slow.transport.resumeProducing()
    assert heard_of(slow)[0] == list(range(500))
