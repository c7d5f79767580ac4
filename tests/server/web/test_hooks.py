"""Hooks that post: one effect, durable before it is answered, and no more than anybody may."""

import json
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chatd.ops.log import KEY
from chatd.ops.settings import Config, LimitsConfig
from chatd.server.listener_rules import ListenerRules
from chatd.testing import Playground
from chatd.wire import messages as m
from chatd.wire.errors import Code
from chatd.wire.limits import MAX_HOOK_KEYS, MAX_ROOM_HOOKS, MAX_TEXT
from chatd.wire.stored import event_in
from tests.helpers import ask, come_in, restart
from tests.server.web.conftest import Browser, browse, request


class Scene:
    """A room with ann, who owns it, and ben; ``secret`` is that of the hook ci."""

    def __init__(self, **limits):
        self.playground = Playground(Config(limits=LimitsConfig(**limits)))
        self.playground.start_server()
        self.ann = come_in(self.playground, "ann", m.Join(id=1, room="#tea"))
        self.ben = come_in(self.playground, "ben", m.Join(id=1, room="#tea"))
        self.secret = self.add().secret

    def add(self, name="ci", **more):
        return ask(self.playground, self.ann, m.AddHook(id=50, room="#tea", name=name, **more))

    def post(self, body="hello", secret=None, wait=0.1, **headers):
        text = isinstance(body, str)
        headers.setdefault("Content_Type", "text/plain" if text else "application/json")
        data = body.encode() if text else json.dumps(body).encode()
        path = f"/hooks/{secret or self.secret}"
        return browse(self.playground, request(path, "POST", data, **headers), wait=wait)

    @property
    def said(self):
        return [event.text for event in self.ben.of(m.Event) if event.kind == "message"]


@pytest.fixture
def scene():
    return Scene()


def answer(browser):
    return json.loads(browser.body)


def test_a_post_is_said_by_the_name_of_the_hook(scene):
    browser = scene.post({"text": "build 7 failed", "more": [1]})
    (event,) = [event for event in scene.ben.of(m.Event) if event.kind == "message"]
    assert (event.by, event.text) == ("ci", "build 7 failed")
    assert browser.status == 200
    assert answer(browser) == {"room": "#tea", "seq": event.seq, "ts": event.ts}


@pytest.mark.parametrize(
    ("body", "kind", "text"),
    [
        (b"one\ntwo\n", "text/plain", "one\ntwo"),
        (b"{no json", "text/plain; charset=utf-8", "{no json"),
        (b"typed", "application/x-www-form-urlencoded", "typed"),
        (b'{"text": "j"}', "application/x-www-form-urlencoded", "j"),
        (b'{"text": "\\u00e9"}', "Application/JSON; charset=utf-8", "\u00e9"),
    ],
)
def test_texts_come_as_people_send_them(scene, body, kind, text):
    head = request(f"/hooks/{scene.secret}", "POST", body, Content_Type=kind)
    assert browse(scene.playground, head).status == 200
    assert scene.said == [text]


def test_the_secret_may_stand_in_a_header(scene):
    head = request("/hooks", "POST", b"hi", Authorization=f"Bearer {scene.secret}")
    assert browse(scene.playground, head).status == 200
    assert scene.said == ["hi"]


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ("", 400, Code.EMPTY_TEXT),
        ("a\x00b", 400, Code.CONTROL_CHARACTER),
        ("x" * (MAX_TEXT + 1), 413, Code.TEXT_TOO_LONG),
        ("x" * 70_000, 413, Code.TEXT_TOO_LONG),
        ({"txt": "x"}, 400, Code.BAD_MESSAGE),
        ([], 400, Code.BAD_MESSAGE),
        ({"text": 7}, 400, Code.BAD_MESSAGE),
    ],
)
def test_what_cannot_be_said_is_refused(scene, body, status, code):
    browser = scene.post(body)
    assert (browser.status, answer(browser)["error"]) == (status, code)
    assert answer(browser)["text"]
    assert scene.said == []


def test_the_largest_text_fits_however_it_is_escaped(scene):
    assert scene.post({"text": "\u00e9" * (MAX_TEXT // 2)}).status == 200
    assert scene.said == ["\u00e9" * (MAX_TEXT // 2)]


def test_secrets_that_are_none_are_refused_alike_and_slowly():
    scene = Scene(failed_logins_per_minute=3)
    browse(scene.playground)
    seen = []
    for number in range(5):
        browser = Browser(request(f"/hooks/guess{number}", "POST", b"x"))
        scene.playground.network.connect(browser, 7480, "192.0.2.7")
        for visitor in scene.playground.server.visitors:
            visitor.listener = type("Secure", (), {"rules": ListenerRules(secure=True)})()
        scene.playground.advance(0.1)
        seen.append((browser.status, answer(browser)["error"]))
    assert seen == [(404, Code.NO_SUCH_HOOK)] * 3 + [(429, Code.TOO_FAST)] * 2
    assert scene.post("hi").status == 200


def test_no_secret_at_all(scene):
    assert browse(scene.playground, request("/hooks", "POST", b"x")).status == 401
    assert browse(scene.playground, request(f"/hooks/{scene.secret}")).status == 405
    assert browse(scene.playground, request(f"/hooks/{scene.secret}/x", "POST", b"x")).status in {401, 404}


def test_secrets_are_not_taken_in_plain_text_from_elsewhere(scene):
    browse(scene.playground)
    browser = Browser(request(f"/hooks/{scene.secret}", "POST", b"x"))
    scene.playground.network.connect(browser, 7480, "192.0.2.7")
    scene.playground.advance(0.1)
    assert (browser.status, answer(browser)["error"]) == (403, Code.SECURE_REQUIRED)


def test_the_secret_is_shown_once_and_kept_nowhere(scene, logged_events):
    scene.post("x")
    store = scene.playground.store
    assert scene.secret not in repr((store.hooks, store.sessions, store.users, store.hook_keys))
    assert scene.secret.encode() not in repr(store.hooks).encode()
    listed = ask(scene.playground, scene.ann, m.Hooks(id=60, room="#tea"))
    assert [one.name for one in listed.hooks] == ["ci"]
    assert scene.secret not in repr(listed)
    assert not any(scene.secret in str(event.get(KEY)) for event in logged_events)


def test_an_answer_waits_for_the_disk(scene):
    scene.playground.store.held = True
    browser = scene.post("x")
    assert browser.status is None
    assert scene.said == []
    scene.playground.store.release()
    scene.playground.advance(0.1)
    assert browser.status == 200
    assert scene.said == ["x"]


def test_a_post_that_the_disk_does_not_take_is_refused_and_can_be_repeated(scene):
    scene.playground.store.failing = OSError(28, "No space left on device")
    browser = scene.post("x", Idempotency_Key="k")
    assert (browser.status, answer(browser)["error"]) == (503, Code.STORAGE_UNAVAILABLE)
    scene.playground.store.failing = None
    scene.playground.advance(2)
    assert scene.post("x", Idempotency_Key="k").status == 200
    assert scene.said == ["x"]


def test_a_post_with_a_key_has_one_effect_whatever_happens_between(scene):
    first = scene.post("one", Idempotency_Key="k1")
    assert answer(scene.post("one", Idempotency_Key="k1")) == answer(first)
    assert scene.post("one", Idempotency_Key="k2").status == 200
    assert scene.post("one").status == 200
    restart(scene.playground)
    assert answer(scene.post("one", Idempotency_Key="k1")) == answer(first)
    scene.ben = come_in(scene.playground, "zoe", m.Join(id=1, room="#tea"), m.History(id=2, room="#tea"))
    log = scene.playground.server.hub.world.rooms["#tea"].log
    assert log.head - answer(first)["seq"] == 3  # two more posts, and zoe


def test_a_repeated_post_is_not_answered_before_the_first_is_durable(scene):
    scene.playground.store.held = True
    first, second = scene.post("x", Idempotency_Key="k"), scene.post("x", Idempotency_Key="k")
    assert (first.status, second.status) == (None, None)
    scene.playground.store.release()
    scene.playground.advance(0.2)
    scene.playground.store.release()
    scene.playground.advance(0.2)
    assert answer(first) == answer(second)
    assert scene.said == ["x"]


def test_a_repeated_post_whose_first_failed_is_told_so(scene):
    scene.playground.store.held = True
    scene.playground.store.failing = OSError(5, "Input/output error")
    first, second = scene.post("x", Idempotency_Key="k"), scene.post("x", Idempotency_Key="k")
    scene.playground.store.release()
    scene.playground.advance(0.2)
    scene.playground.store.release()
    scene.playground.advance(0.2)
    assert [first.status, second.status] == [503, 503]


def test_a_crash_before_the_answer_leaves_one_effect(scene):
    scene.playground.store.held = True
    scene.post("x", Idempotency_Key="k")
    scene.playground.store.held = False
    scene.playground.store.release()  # it is on the disk, and the daemon dies before it says so
    restart(scene.playground)
    browser = scene.post("x", Idempotency_Key="k")
    assert browser.status == 200
    log = scene.playground.server.hub.world.rooms["#tea"].log
    assert answer(browser)["seq"] == log.head == 4


def test_keys_are_bounded(scene):
    for number in range(MAX_HOOK_KEYS + 20):
        scene.post("x", Idempotency_Key=f"k{number}", wait=0)
    scene.playground.advance(1)
    (hook,) = scene.playground.server.hub.world.hooks.values()
    assert len(hook.keys) == MAX_HOOK_KEYS == len(scene.playground.store.hook_keys)
    assert scene.post("x", Idempotency_Key="k" * 200).status == 400


ACTS = {
    "kick": (m.Kick(id=70, room="#tea", whom="ci"), 403, Code.NOT_A_MEMBER),
    "ban": (m.Ban(id=70, room="#tea", whom="ci"), 403, Code.BANNED),
    "mute": (m.Mute(id=70, room="#tea", whom="ci"), 403, Code.MUTED),
    "archive": (m.Set(id=70, room="#tea", rule="archived", value="yes"), 403, Code.ARCHIVED),
    "read-only": (m.Set(id=70, room="#tea", rule="kind", value="read-only"), 403, Code.NOT_ALLOWED),
    "delete": (m.DeleteRoom(id=70, room="#tea"), 404, Code.NO_SUCH_HOOK),
    "drop": (m.DropHook(id=70, room="#tea", name="CI"), 404, Code.NO_SUCH_HOOK),
}


@pytest.mark.parametrize("act", ACTS)
@pytest.mark.parametrize("restarted", [False, True])
def test_who_keeps_order_keeps_hooks_in_order(scene, act, restarted):
    deed, status, code = ACTS[act]
    scene.post("before")
    assert isinstance(ask(scene.playground, scene.ann, deed), m.Ok)
    if restarted:
        restart(scene.playground)
    browser = scene.post("after")
    assert (browser.status, answer(browser)["error"]) == (status, code)
    assert scene.said == ["before"]


def test_a_slow_room_is_slow_for_hooks(scene):
    ask(scene.playground, scene.ann, m.Set(id=70, room="#tea", rule="slow", value="30"))
    assert scene.post("one").status == 200
    browser = scene.post("two")
    assert (browser.status, answer(browser)["error"]) == (429, Code.SLOW_MODE)


def test_a_hook_may_post_no_more_than_anybody():
    scene = Scene(requests_per_second=2)
    posts = [scene.post(f"{number}", wait=0) for number in range(40)]
    scene.playground.advance(0.1)
    statuses = [post.status for post in posts]
    assert set(statuses) == {200, 429}
    assert statuses.count(200) >= 20
    late = posts[-1]
    assert late.status == 429
    assert b"retry-after" in late.head
    scene.playground.advance(10)
    assert scene.post("later").status == 200


def test_only_owners_make_list_and_drop_hooks(scene):
    for asked in (
        m.AddHook(id=80, room="#tea", name="mine"),
        m.DropHook(id=80, room="#tea", name="ci"),
        m.Hooks(id=80, room="#tea"),
    ):
        refused = ask(scene.playground, scene.ben, asked)
        assert refused.code == Code.NOT_ALLOWED


def test_nobody_else_has_the_name_of_a_hook(scene):
    assert ask(scene.playground, scene.ben, m.Nick(id=81, nick="CI")).code == Code.NICK_TAKEN
    assert scene.add("ben").code == Code.NICK_TAKEN
    assert scene.add("ci").code == Code.NICK_TAKEN
    assert scene.add("a b").code == Code.BAD_NICK
    assert scene.add("e", url="ftp://example.org").code == Code.BAD_VALUE
    late = come_in(scene.playground, "ci")
    assert late.of(m.Error)[0].code == Code.NICK_TAKEN


def test_a_dropped_hook_can_be_made_again_with_another_secret(scene):
    scene.post("one")
    assert isinstance(ask(scene.playground, scene.ann, m.DropHook(id=82, room="#tea", name="ci")), m.Ok)
    assert scene.post("lost").status == 404
    secret = scene.add().secret
    assert secret != scene.secret
    assert scene.post("two", secret=secret).status == 200
    assert scene.said == ["one", "two"]


def test_hooks_of_a_room_are_bounded(scene):
    answers = [scene.add(f"h{number}") for number in range(MAX_ROOM_HOOKS)]
    assert answers[-1].code == Code.TOO_MANY_HOOKS
    assert [type(one) for one in answers[:-1]] == [m.Ok] * (MAX_ROOM_HOOKS - 1)


def test_a_hook_never_inherits_a_room(scene):
    ask(scene.playground, scene.ben, m.Leave(id=83, room="#tea"))
    ask(scene.playground, scene.ann, m.Leave(id=83, room="#tea"))
    room = scene.playground.server.hub.world.rooms["#tea"]
    assert not room.owners


def test_whoever_goes_before_the_answer_harms_nobody(scene):
    scene.playground.store.held = True
    browser = scene.post("x")
    browser.transport.abortConnection()
    scene.playground.advance(0.1)
    scene.playground.store.release()
    scene.playground.advance(0.1)
    assert scene.said == ["x"]


def last_of(scene):
    return [event for event in scene.ben.of(m.Event) if event.by == "ci" and event.text][-1]


def test_a_post_replies_to_what_was_said(scene):
    first = answer(scene.post("build 7"))["seq"]
    second = answer(scene.post({"text": "it failed", "reply_to": first}))["seq"]
    assert (last_of(scene).seq, last_of(scene).ref, last_of(scene).thread) == (second, first, first)
    scene.post({"text": "again", "reply_to": second})
    assert (last_of(scene).ref, last_of(scene).thread) == (second, first)
    scene.post({"text": "no reply", "reply_to": 0})
    assert last_of(scene).ref == 0


def test_what_cannot_be_replied_to_is_refused(scene):
    said = answer(scene.post("build 7"))["seq"]
    ask(scene.playground, scene.ann, m.Remove(id=70, room="#tea", seq=said))
    for seq, status, code in [
        (said, 404, Code.NO_SUCH_EVENT),
        (999, 404, Code.NO_SUCH_EVENT),
        (2**60, 404, Code.NO_SUCH_EVENT),
        (1, 403, Code.NOT_ALLOWED),
        (-1, 400, Code.BAD_MESSAGE),
        ("1", 400, Code.BAD_MESSAGE),
    ]:
        browser = scene.post({"text": "x", "reply_to": seq})
        assert (browser.status, answer(browser)["error"]) == (status, code), seq


def test_a_reply_with_a_key_has_one_effect_also_while_another_is_looked_up(scene):
    said = answer(scene.post("build 7"))["seq"]
    body = {"text": "it failed", "reply_to": said}
    both = [scene.post(body, wait=0, Idempotency_Key="k") for _ in range(2)]
    plain = scene.post("meanwhile", wait=0)
    scene.playground.advance(0.2)
    assert answer(both[0]) == answer(both[1])
    assert plain.status == 200
    restart(scene.playground)
    assert answer(scene.post(body, Idempotency_Key="k")) == answer(both[0])
    assert sorted(scene.said) == ["build 7", "it failed", "meanwhile"]


def test_a_hook_that_is_dropped_while_it_is_looked_up_says_nothing(scene, monkeypatch):
    said = answer(scene.post("build 7"))["seq"]
    waiting, store = [], scene.playground.store
    read = store.facts
    monkeypatch.setattr(store, "facts", lambda *given: waiting.append(given))
    browser = scene.post({"text": "x", "reply_to": said})
    ask(scene.playground, scene.ann, m.DropHook(id=82, room="#tea", name="ci"))
    read(*waiting[0])
    scene.playground.advance(0.2)
    assert (browser.status, answer(browser)["error"]) == (404, Code.NO_SUCH_HOOK)
    assert scene.said == ["build 7"]


def test_what_cannot_be_read_is_refused_for_now(scene):
    said = answer(scene.post("build 7"))["seq"]
    scene.playground.store.unreadable = OSError(5, "Input/output error")
    browser = scene.post({"text": "x", "reply_to": said})
    assert (browser.status, answer(browser)["error"]) == (503, Code.STORAGE_UNAVAILABLE)


def test_posts_are_counted(scene):
    scene.post("x")
    scene.post("")
    scene.post("x", secret="no")
    assert scene.playground.server.counters.hook_posts == {
        "accepted": 1,
        Code.EMPTY_TEXT: 1,
        Code.NO_SUCH_HOOK: 1,
    }


@pytest.mark.slow  # it works for a second
@settings(max_examples=15)
@given(st.integers(0, 2**32))
def test_whatever_happens_each_post_with_a_key_is_said_once(seed):
    dice, scene = random.Random(seed), Scene()
    store, answered = scene.playground.store, {}
    for number in range(25):
        while number not in answered:
            store.held = dice.random() < 0.3
            store.failing = OSError(5, "Input/output error") if dice.random() < 0.2 else None
            browser = scene.post(f"post {number}", Idempotency_Key=f"key {number}")
            if dice.random() < 0.3:
                browser.transport.abortConnection()
            if store.held and dice.random() < 0.5:
                store.lose_power()
                store.held = False
                restart(scene.playground)
            store.held = False
            store.release()
            scene.playground.advance(2)
            if dice.random() < 0.2:
                restart(scene.playground)
            if browser.status == 200:
                answered[number] = answer(browser)["seq"]
    store.failing = None
    kept = store.events[scene.playground.server.hub.world.rooms["#tea"].log.id]
    said = {seq: event_in(stored).text for seq, stored in kept.items() if event_in(stored).by == "ci"}
    assert {seq: text for seq, text in said.items() if text} == {
        seq: f"post {number}" for number, seq in answered.items()
    }
