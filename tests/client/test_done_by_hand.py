"""Cursors that the program moves: each command is answered exactly once, whoever is killed, and whenever."""

import random

import pytest

from chatd.client.core.notices import EventSeen
from chatd.client.core.problems import ClientError
from chatd.client.profile.opening import recall
from chatd.client.profile.origins import origin_of
from chatd.client.profile.profiles import open_slot
from chatd.client.values import Options
from tests.client.entering import make_client, now


class Bot:
    """Answers each command of ann's, some of them late, from one profile over many runs."""

    def __init__(self, world, folder, chance):
        self.world, self.folder, self.chance = world, folder, chance
        self.handed = 0

    def start(self):
        slot = open_slot("p", origin_of(Options().server), "bot", "bot", folder=self.folder)
        self.delay = self.chance.choice([0, 0.05, 0.3])
        self.client = make_client(self.world, "bot", "#a", slot=slot, commit="manual")
        self.client.subscribe(self.hear)
        self.client.start()

    def hear(self, notice):
        if isinstance(notice, EventSeen) and notice.event.by == "ann" and notice.event.kind == "message":
            self.handed += 1
            self.world.clock.callLater(self.delay, self.handle, self.client, notice.event)

    def handle(self, client, event):
        if client is self.client:
            kept = client.done("#a", event.seq, ("#a", f"done {event.text}", 0))
            kept.addErrback(lambda failure: failure.trap(ClientError))

    def kill(self):
        """Lose it as by SIGKILL: what is not in the profile is gone."""
        client, self.client = self.client, None
        client._driver.saving.slot.close()
        client._driver.saving.slot = None
        for link in list(client._driver.machine.links.all()):
            client._driver.factory.close(link.number, politely=False)
        client.stop()


@pytest.mark.parametrize("seed", range(3))
def test_each_command_is_answered_once_whoever_is_killed(world, enter, tmp_path, seed):
    chance = random.Random(seed)
    ann, bot = enter("ann", "#a"), Bot(world, tmp_path, chance)
    bot.start()
    world.advance(1)
    said = 0
    for _ in range(10):
        for _ in range(chance.randrange(1, 8)):
            ann.send("#a", f"{said}")
            said += 1
            world.advance(chance.choice([0, 0, 0.05]), step=0.01)
        world.advance(chance.choice([0, 0.03, 0.1, 0.3]), step=0.01)
        if chance.random() < 0.4:
            world.crash_server()
            world.advance(chance.random())
            world.start_server()
        if chance.random() < 0.7:
            bot.kill()
            world.advance(chance.random(), step=0.01)
            bot.start()
        world.advance(chance.random())
    world.advance(60)
    events = [notice.event for notice in ann.heard if isinstance(notice, EventSeen)]
    answers = [event.text for event in events if event.kind == "message" and event.by == "bot"]
    assert answers == [f"done {number}" for number in range(said)]
    bot.kill()


def test_an_event_that_is_not_done_comes_again_and_one_that_is_does_not(world, enter, tmp_path):
    ann, bot = enter("ann", "#a"), Bot(world, tmp_path, random.Random(1))
    bot.handle = lambda *_: None
    bot.start()
    world.advance(1)
    for number in range(5):
        ann.send("#a", str(number))
    world.advance(1)
    bot.client.done("#a", 4)
    world.advance(1)
    bot.kill()
    world.advance(1)
    bot.start()
    world.advance(1)
    texts = [n.event.seq for n in bot.client.heard if isinstance(n, EventSeen)]
    assert texts == [5, 6, 7]
    bot.client.done("#a", 2)  # done before: it takes nothing back
    world.advance(1)
    bot.kill()
    world.advance(1)
    bot.start()
    world.advance(1)
    assert [n.event.seq for n in bot.client.heard if isinstance(n, EventSeen)] == [5, 6, 7]
    bot.kill()


def test_an_answer_that_no_server_takes_moves_nothing(world, tmp_path):
    bot = Bot(world, tmp_path, random.Random(1))
    bot.start()
    world.advance(1)
    with pytest.raises(Exception, match="empty"):
        now(bot.client.done("#a", 1, ("#a", "fine", 0), ("#a", "  ", 0)))
    assert not bot.client.waiting()
    bot.kill()


def test_two_processes_do_not_handle_what_is_handled_once(tmp_path):
    options = Options(nick="bot", folder=tmp_path, commit="manual")
    slot, _ = recall(options)
    with pytest.raises(ClientError) as refused:
        recall(options)
    assert refused.value.code == "session-in-use"
    slot.close()
    slot, _ = recall(options)
    slot.close()


@pytest.mark.parametrize("how", [{"profile": None}, {"remember": False}])
def test_what_is_done_needs_a_place_to_be_kept(how):
    with pytest.raises(ClientError) as refused:
        Options(commit="manual", **how)
    assert refused.value.code == "bad-options"
