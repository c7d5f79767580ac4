"""Hooks that are told: everything, in order, whatever the receiver, the daemon and the disk do."""

import hashlib
import hmac
import json
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.internet.protocol import Factory, Protocol, connectionDone
from twisted.web.resource import Resource
from twisted.web.server import NOT_DONE_YET, Site

from chatd.ops.settings import Config, HooksConfig, RetentionConfig
from chatd.testing import Playground
from chatd.webhooks.deliveries import AT_ONCE, MOST
from chatd.webhooks.pace import LONGEST, delay, is_hopeless
from chatd.webhooks.sender import CLOSE, MAX_ANSWER, PATIENCE, REST
from chatd.wire import messages as m
from chatd.wire.stored import text_of
from tests.helpers import ask, come_in, restart, sends

PORT = 9000


class Receiver(Resource):
    """A server that is told; ``mode`` is what it does with a POST, ``got`` what it has taken."""

    isLeaf = True

    def __init__(self, playground):
        super().__init__()
        self.playground = playground
        self.got = []
        self.asked = []
        self.waiting = []
        self.mode = 200
        self.site = Site(self, reactor=playground.clock)
        self.up()

    def up(self):
        self.playground.network.listen(self.site, PORT)

    def down(self):
        self.playground.network.listen(None, PORT)

    def render_POST(self, request):
        body = request.content.read()
        self.asked.append((request, body))
        if self.mode == "hang":
            self.waiting.append(request)
            return NOT_DONE_YET
        self.got.append(json.loads(body))
        if self.mode == "die":  # it has taken it, and nobody hears of that
            request.channel.transport.abortConnection()
            return NOT_DONE_YET
        if self.mode == "babble":
            transport = request.channel.transport
            transport.write(b"HTTP/1.1 200 OK\r\n" + b"x: y\r\n" * 1_000_000)
            return NOT_DONE_YET
        if self.mode == "endless":
            request.write(b"x" * (MAX_ANSWER + 1))
            return NOT_DONE_YET
        request.setResponseCode(self.mode)
        if 300 <= self.mode < 400:
            request.setHeader(b"location", b"http://elsewhere:9000/")
        return b"thank you"

    def events(self):
        """Return what was told, in order, each event once; later ones are new."""
        told, last = [], 0
        for body in self.got:
            for event in body["events"]:
                if event["seq"] > last:
                    told.append(event)
                    last = event["seq"]
        return told


class Scene:
    """A room of ann's with a hook that is told of it."""

    def __init__(self, config=None, url="http://example.org:9000/chat?x=1"):
        self.playground = Playground(config)
        self.playground.start_server()
        self.receiver = Receiver(self.playground)
        self.ann = come_in(self.playground, "ann", m.Join(id=1, room="#tea"))
        self.n = 0
        self.made = ask(self.playground, self.ann, m.AddHook(id=50, room="#tea", name="mirror", url=url))

    def say(self, *texts):
        self.ann.say(*sends("#tea", *texts, n=self.n + 1))
        self.n += len(texts)
        self.playground.advance()

    def wait(self, seconds, step=0.25):
        self.playground.advance(seconds, step)

    @property
    def hook(self):
        return next(iter(self.playground.server.hub.world.hooks.values()))

    @property
    def log(self):
        log = self.playground.server.hub.world.rooms["#tea"].log
        kept = self.playground.store.events[log.id]
        return [json.loads(bytes(text_of(kept[seq]))) for seq in sorted(kept)]

    def info(self):
        return ask(self.playground, self.ann, m.Hooks(id=51, room="#tea")).hooks[0]


@pytest.fixture
def scene():
    return Scene()


def test_everything_is_told_in_order_and_signed(scene):
    scene.say("one", "two")
    scene.wait(1)
    scene.say("three")
    scene.wait(1)
    assert scene.receiver.events() == scene.log[1:]
    for request, body in scene.receiver.asked:
        head = request.requestHeaders
        timestamp = head.getRawHeaders("chatd-timestamp")[0]
        wanted = hmac.new(scene.made.secret.encode(), f"{timestamp}.".encode() + body, hashlib.sha256)
        assert head.getRawHeaders("chatd-signature") == ["v1=" + wanted.hexdigest()]
        assert request.uri == b"/chat?x=1"
        assert head.getRawHeaders("host") == ["example.org:9000"]
        assert json.loads(body)["hook"] == "mirror"
    assert scene.info() == m.HookInfo(
        name="mirror", by="ann", made=scene.info().made, url="http://example.org:9000/chat?x=1"
    )


def test_many_events_come_in_few_posts(scene):
    scene.say(*[f"{n}" for n in range(250)])
    scene.wait(3)
    assert scene.receiver.events() == scene.log[1:]
    assert max(len(body["events"]) for body in scene.receiver.got) == MOST
    assert len(scene.receiver.got) <= 5


def test_long_texts_come_in_posts_of_bounded_size(scene):
    for _ in range(12):
        scene.say("x" * 16_000)
    scene.wait(5)
    assert scene.receiver.events() == scene.log[1:]
    assert max(len(body) for _, body in scene.receiver.asked) < 80_000


@pytest.mark.parametrize("mode", [500, 503, 404, 301, 302, 307, "hang", "die", "down"])
def test_nothing_is_lost_while_the_receiver_is_unwell(scene, mode):
    if mode == "down":
        scene.receiver.down()
    scene.receiver.mode = mode
    scene.say("one")
    scene.wait(100)
    scene.say("two")
    assert scene.info().behind == 2
    assert scene.info().failing > 30
    assert scene.info().trouble
    assert scene.info().url not in scene.info().trouble
    scene.receiver.got = []
    scene.receiver.up()
    scene.receiver.mode = 200
    scene.wait(LONGEST + PATIENCE)
    assert scene.receiver.events() == scene.log[1:]
    assert (scene.info().behind, scene.info().failing, scene.info().trouble) == (0, 0, "")


def test_redirects_are_not_followed(scene):
    scene.receiver.mode = 302
    scene.say("one")
    scene.wait(1)
    assert len(scene.receiver.asked) == 1
    assert "302" in scene.info().trouble


def test_one_post_is_under_way_at_a_time(scene):
    scene.receiver.mode = "hang"
    for n in range(20):
        scene.say(f"{n}")
        scene.wait(1)
    assert len(scene.receiver.waiting) == 1


def test_an_endless_answer_is_cut_off_and_counts_by_its_status(scene):
    scene.receiver.mode = "endless"
    scene.say("one")
    scene.wait(10)
    scene.receiver.mode = 200
    scene.say("two")
    scene.wait(10)
    assert scene.receiver.events() == scene.log[1:]
    assert len(scene.receiver.got) == 2


def test_an_endless_head_is_cut_off(scene):
    scene.receiver.mode = "babble"
    scene.say("one")
    scene.wait(1, 0.05)
    assert scene.info().trouble
    ((request, _),) = scene.receiver.asked
    assert request._disconnected


class Clinging(Protocol):
    """A receiver that says ``answer``, takes nothing, and does not let go."""

    def __init__(self, answer, connections):
        self.answer = answer
        self.lost = None
        connections.append(self)

    def connectionMade(self):
        self.transport.pauseProducing()
        self.transport.write(self.answer)

    def connectionLost(self, reason=connectionDone):
        self.lost = reason


@pytest.mark.parametrize("head", [b"Connection: close\r\nContent-Length: 0", b"Content-Length: 9"])
def test_a_receiver_that_does_not_let_go_is_let_go(scene, head):
    connections = []
    factory = Factory()
    factory.buildProtocol = lambda _: Clinging(b"HTTP/1.1 200 OK\r\n%s\r\n\r\n" % head, connections)
    scene.playground.network.listen(factory, PORT)
    for n in range(10):
        scene.say(f"{n}")
        scene.wait(REST + 1)
    assert scene.info().behind == 0
    assert len(connections) >= 10
    scene.wait(CLOSE)
    assert all(connection.lost for connection in connections)


def test_nobody_is_told_again_and_again_what_the_disk_does_not_keep(scene):
    scene.receiver.mode = "hang"
    scene.say("one")
    scene.wait(0.5)
    scene.playground.store.failing = OSError(28, "No space left on device")
    scene.receiver.mode = 200
    scene.receiver.waiting.pop().finish()
    scene.wait(30)
    assert len(scene.receiver.asked) <= 2
    scene.playground.store.failing = None
    scene.say("two")
    scene.wait(5)
    assert scene.info().behind == 0


def test_a_hook_with_much_to_be_told_does_not_keep_others_waiting(scene):
    scene.receiver.down()
    scene.say(*[f"{n}" for n in range(1000)])
    others = AT_ONCE + 20
    for number in range(others // 20 + 1):
        room = f"#r{number}"
        scene.ann.say(m.Join(id=70, room=room))
        for hook in range(20):
            url = "http://e:9000/"
            scene.ann.say(m.AddHook(id=71, room=room, name=f"h{hook}", url=url))
        scene.ann.say(m.Topic(id=72, room=room, text="news"))
        scene.playground.advance()
    scene.receiver.up()
    scene.wait(LONGEST + 5)
    hooks = scene.playground.server.hub.world.hooks.values()
    rooms = scene.playground.server.hub.world.rooms_by_id
    assert all(hook.row.cursor == rooms[hook.row.room].log.head for hook in hooks)


def test_removed_events_are_told_as_removed(scene):
    scene.receiver.down()
    scene.say("a secret")
    ask(scene.playground, scene.ann, m.Remove(id=60, room="#tea", seq=2))
    scene.receiver.up()
    scene.wait(LONGEST)
    assert [event["kind"] for event in scene.receiver.events()] == ["removed", "remove"]
    assert "a secret" not in repr(scene.receiver.got)


def test_what_is_not_kept_any_more_is_told_as_a_gap():
    scene = Scene(Config(retention=RetentionConfig(events=3)))
    scene.receiver.down()
    scene.say(*[f"{n}" for n in range(10)])
    scene.wait(120, 1)
    scene.receiver.up()
    scene.wait(LONGEST, 1)
    scene.say("last")
    scene.wait(2)
    first = scene.receiver.got[0]
    assert first["gap"] == {"first": 2, "last": first["events"][0]["seq"] - 1}
    assert scene.receiver.events()[-1]["text"] == "last"
    assert scene.info().behind == 0


def test_a_dropped_hook_and_one_of_a_deleted_room_are_told_nothing(scene):
    ask(scene.playground, scene.ann, m.DropHook(id=60, room="#tea", name="mirror"))
    scene.say("one")
    scene.wait(2)
    assert scene.receiver.asked == []
    scene.made = ask(
        scene.playground, scene.ann, m.AddHook(id=61, room="#tea", name="m2", url="http://e.org:9000/")
    )
    ask(scene.playground, scene.ann, m.DeleteRoom(id=62, room="#tea"))
    scene.wait(5)
    assert scene.receiver.asked == []
    assert not scene.playground.store.hooks


def test_a_hook_that_fails_for_days_is_given_up_and_the_room_is_told(scene, said=None):
    del said
    scene = Scene(Config(hooks=HooksConfig(give_up_days=0.01)))
    scene.receiver.mode = 500
    scene.say("one")
    scene.wait(1500, 1)
    assert scene.info().off
    assert scene.log[-1]["kind"] == "announce"
    assert "mirror is off" in scene.log[-1]["text"]
    assert "example.org" not in scene.log[-1]["text"]
    count = len(scene.receiver.asked)
    restart(scene.playground)
    scene.wait(1000, 1)
    assert len(scene.receiver.asked) == count


def test_what_was_taken_is_not_told_again_after_a_restart(scene):
    scene.say("one")
    scene.wait(1)
    restart(scene.playground)
    scene.wait(5)
    assert len(scene.receiver.got) == 1


def test_what_was_not_confirmed_is_told_again_after_a_crash(scene):
    scene.receiver.mode = "hang"
    scene.say("one")
    scene.wait(1)
    restart(scene.playground)
    scene.receiver.mode = 200
    scene.wait(5)
    assert scene.receiver.events() == scene.log[1:]


def test_a_cursor_that_the_disk_does_not_take_is_taken_back(scene):
    scene.receiver.mode = "hang"
    scene.say("one")
    scene.wait(0.5)
    scene.playground.store.failing = OSError(28, "No space left on device")
    (request,) = scene.receiver.waiting
    scene.receiver.mode = 200
    request.finish()
    scene.wait(3)
    scene.playground.store.failing = None
    restart(scene.playground)
    scene.wait(5)
    assert scene.receiver.events() == scene.log[1:]


def test_so_many_posts_are_under_way_at_most(scene):
    scene.receiver.mode = "hang"
    for number in range(AT_ONCE // 20 + 1):
        room = f"#r{number}"
        scene.ann.say(m.Join(id=70, room=room))
        for hook in range(20):
            scene.ann.say(m.AddHook(id=71, room=room, name=f"h{hook}", url="http://e:9000/"))
        scene.ann.say(m.Topic(id=72, room=room, text="news"))
        scene.playground.advance()
    scene.wait(2)
    assert len(scene.receiver.waiting) == AT_ONCE
    scene.receiver.mode = 200
    scene.wait(PATIENCE + LONGEST)
    assert scene.playground.server.counters.hook_deliveries["delivered"] >= AT_ONCE + 20


@pytest.mark.slow  # it works for a second
@settings(max_examples=15)
@given(st.integers(0, 2**32))
def test_any_course_ends_with_everything_told_in_order(seed):
    dice = random.Random(seed)
    scene = Scene()
    for step in range(dice.randrange(4, 14)):
        scene.receiver.mode = dice.choice([200, 200, 500, "hang", "die"])
        scene.say(*[f"{step}.{n}" for n in range(dice.randrange(1, 5))])
        scene.wait(dice.choice([0.1, 1, 10, 60]), 0.5)
        if dice.random() < 0.3:
            restart(scene.playground)
            scene.ann = come_in(scene.playground, f"ann{step}", m.Join(id=1, room="#tea"))
            scene.n = 0
    scene.receiver.mode = 200
    scene.wait(2 * LONGEST + 2 * PATIENCE, 1)
    told = scene.receiver.events()
    assert [event["seq"] for event in told] == list(range(2, len(scene.log) + 1))
    assert told == scene.log[1:]


@given(st.integers(0, 100), st.floats(0, 1))
def test_the_time_to_the_next_try_is_bounded(failures, chance):
    assert 0.5 <= delay(failures, chance) <= LONGEST
    assert delay(failures, 1) >= delay(max(0, failures - 1), 1)


def test_what_has_failed_for_days_is_hopeless():
    assert not is_hopeless(0, 10**12, 1)
    assert not is_hopeless(1, 86_400_000, 1)
    assert is_hopeless(1, 86_400_001, 1)
