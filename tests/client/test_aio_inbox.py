"""The inbox of the asyncio client: who gets which events, and when no more are read."""

import asyncio

import pytest

from chatd.client.aio.event import Event
from chatd.client.aio.inbox import HIGH, LOW, MOST, Inbox
from chatd.client.core.problems import ClientError
from chatd.wire.messages import Event as Stored


def event(seq, room="#a"):
    stored = Stored(room=room, seq=seq, ts=1, kind="message", by="ann")
    return Event(room=room, kind="message", seq=seq, stored=stored, _client=None)


async def again(room, first, last):
    """Read at most ten events again."""
    await asyncio.sleep(0)
    return [event(seq, room) for seq in range(first, min(last, first + 9) + 1)]


def run(main):
    return asyncio.run(main())


def inbox():
    reads = []
    made = Inbox(reads.append, again)
    return made, reads


def test_the_first_follower_gets_what_came_before_it_and_another_what_comes_then():
    async def main():
        box, _ = inbox()
        box.put(event(1))
        box.put(event(1, "#b"))
        first = box.follow(("#A",))
        second = box.follow(("#a",))
        box.put(event(2))
        everything = box.follow(())
        box.put(event(2, "#b"))
        assert [(await box.next(first)).seq for _ in range(2)] == [1, 2]
        assert (await box.next(second)).seq == 2
        assert [(await box.next(everything)).room for _ in range(2)] == ["#b", "#b"]

    run(main)


def test_a_slow_follower_pauses_the_reading_and_goes_on_when_it_has_caught_up():
    async def main():
        box, reads = inbox()
        one = box.follow(())
        for seq in range(HIGH - 1):
            box.put(event(seq))
        assert reads == []
        box.put(event(HIGH))
        assert reads == [False]
        for _ in range(HIGH - LOW - 1):
            await box.next(one)
        assert reads == [False]
        await box.next(one)
        assert reads == [False, True]

    run(main)


def test_whoever_waits_for_an_answer_has_everything_read_that_comes_before_it():
    async def main():
        box, reads = inbox()
        box.follow(())
        for seq in range(HIGH):
            box.put(event(seq))
        box.asking(1)
        box.put(event(HIGH))
        assert reads == [False, True]
        box.asking(-1)
        assert reads == [False, True, False]

    run(main)


def test_a_follower_that_goes_holds_nothing_up():
    async def main():
        box, reads = inbox()
        one = box.follow(())
        for seq in range(HIGH):
            box.put(event(seq))
        box.leave(one)
        assert reads == [False, True]

    run(main)


def test_all_that_came_is_handed_out_before_the_end_is_told():
    async def main():
        box, _ = inbox()
        one = box.follow(())
        box.put(event(1))
        box.close(ClientError("stopped", "The client was stopped."))
        assert (await box.next(one)).seq == 1
        with pytest.raises(ClientError):
            await box.next(one)

    run(main)


def test_what_nobody_follows_is_held_within_bounds_and_is_not_lost():
    async def main():
        box, reads = inbox()
        for seq in range(1, 3 * MOST):
            box.put(event(seq))
        box.put(event(1, "#b"))
        assert reads == []
        one, other = box.follow(("#a",)), box.follow(())
        box.put(event(3 * MOST))
        assert len(one.waiting) <= MOST + 2
        assert [(await box.next(one)).seq for _ in range(3 * MOST)] == list(range(1, 3 * MOST + 1))
        assert [(await box.next(other)).room for _ in range(2)] == ["#b", "#a"]

    run(main)


def test_what_comes_while_answers_are_awaited_is_held_within_bounds_and_comes_in_order():
    async def main():
        box, _ = inbox()
        one = box.follow(())
        box.asking(1)
        for seq in range(1, 4 * MOST):
            box.put(event(seq))
            box.put(event(seq, "#b"))
        assert len(one.waiting) == MOST + 2
        heard, cancelled = {"#a": [], "#b": []}, 0
        for turn in range(8 * MOST - 2):
            if turn == 3 * MOST:  # some of it has been read again
                box.put(event(4 * MOST))
            reading = asyncio.create_task(box.next(one))
            await asyncio.sleep(0)
            if turn % 7 == 0 and not reading.done():  # what is cancelled while it reads again loses nothing
                reading.cancel()
                await asyncio.wait([reading])
                cancelled += 1
                reading = asyncio.create_task(box.next(one))
            got = await reading
            heard[got.room].append(got.seq)
        got = await box.next(one)
        heard[got.room].append(got.seq)
        assert cancelled
        assert heard == {"#a": list(range(1, 4 * MOST + 1)), "#b": list(range(1, 4 * MOST))}

    run(main)
