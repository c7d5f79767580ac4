"""The page's machine beside the companion client's: both get every input, and must give the same effects."""

import base64
import json
import subprocess
from pathlib import Path

import msgspec

from chatd.client.core import notices as n
from chatd.client.core.effects import (
    Close,
    Connect,
    Fetch,
    Find,
    FindSibling,
    Finish,
    Keep,
    Notify,
    Over,
    Reply,
    Save,
    Settle,
    Staged,
    Write,
)
from chatd.client.core.link import Phase
from chatd.client.core.machine import Machine
from chatd.client.core.segments import Segments
from chatd.client.core.steps import (
    Drop,
    Failed,
    Fetched,
    Finished,
    Found,
    Kept,
    ReceiveFile,
    SendFile,
    Settled,
)
from chatd.client.core.trail import Trail
from chatd.wire.frames import FrameDecoder, FrameType, frame, split_chunk

UNSAID = {"software", "version", "label"}
"""What each client says of itself in its hello."""


class Page:
    """The page's machines, in a process of node."""

    def __init__(self):
        self.count = 0
        script = Path(__file__).with_name("twin.mjs")
        self._process = subprocess.Popen(
            ["node", str(script)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def call(self, *what):
        self._process.stdin.write(json.dumps(what) + "\n")
        self._process.stdin.flush()
        told = self._process.stdout.readline()
        assert told, f"the page's machine broke at {what}"
        return json.loads(told)

    def close(self):
        self._process.stdin.close()
        self._process.wait(10)
        self._process.stdout.close()


class Twin:
    """A machine of each kind; what a test wants of one it gets of the companion client's."""

    page: Page

    def __init__(self, remembered, wishes, backoff, _=None):
        self.machine = Machine(remembered, wishes, backoff, Segments((0,)))
        self.orders = Orders(self)
        self._decoders: dict[int, FrameDecoder] = {}
        wanted = {
            "software": "page",
            "rooms": list(wishes.rooms),
            "heartbeat": {"interval": wishes.heartbeat.interval, "misses": wishes.heartbeat.misses},
            "keep": wishes.keep,
            "typing": wishes.typing,
            "credentials": None,
        }
        self.page.count += 1
        self.number = self.page.count
        self.page.call(self.number, "begin", page_form(remembered), wanted)

    def __getattr__(self, name):
        return getattr(self.machine, name)

    def both(self, effects, *call):
        """Return ``effects``, which are those of the page's machine at ``call`` too."""
        effects = list(effects)
        while any(isinstance(effect, FindSibling) for effect in effects):
            at = next(i for i, effect in enumerate(effects) if isinstance(effect, FindSibling))
            effects[at : at + 1] = self.machine.sibling("", call[-1])
        told = self.page.call(self.number, *call)
        assert [bare(one) for one in told] == [bare(shown(one)) for one in effects], call
        return effects

    # ---- inputs ---------------------------------------------------------------------------------------

    def start(self, now):
        return self.both(self.machine.start(now), "start", now)

    def dialling(self, number, now):
        return self.both(self.machine.dialling(number, now), "dialling", number, now)

    def connected(self, number, now):
        return self.both(self.machine.connected(number, now), "connected", number, now)

    def received(self, number, data, now):
        """Take in what is complete: a page gets whole messages."""
        decoder = self._decoders.setdefault(number, FrameDecoder())
        decoder.feed(data)
        effects = []
        while (taken := decoder.take()) is not None:
            kind, payload = taken
            text = packed(payload) if kind is FrameType.CHUNK else text_of(kind, payload)
            mine = self.machine.received(number, frame(kind, bytes(payload)), now)
            effects += self.both(mine, "received", number, text, now)
        return effects

    def writable(self, number, on, now):
        return self.both(self.machine.writable(number, on, now), "writable", number, on, now)

    def lost(self, number, reason, answered, now, *, stubborn=False):
        assert not stubborn
        return self.both(
            self.machine.lost(number, reason, answered, now), "lost", number, reason, answered, now
        )

    def wake_at(self):
        """Return when to wake; a page has nothing to ask the system while it waits for a welcome."""
        mine, told = self.machine.wake_at(), self.page.call(self.number, "wakeAt")
        greets = any(link.phase is Phase.GREETING for link in self.machine.links.all())
        assert greets or told == mine
        self.machine._due = told
        return told

    def tick(self, now):
        return self.both(self.machine.tick(now), "tick", now)

    def reading(self, on, now):
        return self.both(self.machine.reading(on, now), "reading", on, now)

    def hurry(self, now):
        return self.both(self.machine.hurry(now), "hurry", now)

    def stop(self, now):
        return self.both(self.machine.stop(now), "stop", now)

    def changes(self):
        changes = self.machine.changes()
        told = self.page.call(self.number, "changes")
        assert told == page_changes(changes)
        return changes

    def saved(self, now):
        return self.both(self.machine.saved(now), "saved", now)


class Orders:
    """What the program wants of both."""

    def __init__(self, twin):
        self._twin = twin

    def queue(self, room, text, now, file=None, kept=None, act="", ref=0):
        assert kept is None
        key, effects = self._twin.machine.orders.queue(room, text, now, file, act=act, ref=ref)
        about = {"act": act, "ref": ref, **({} if file is None else {"file": as_json(file)})}
        return key, self._twin.both(effects, "queue", room, text, now, about)

    def transfer(self, step, now):
        effects = self._twin.machine.orders.transfer(step, now)
        return self._twin.both(effects, "transfer", named(STEPS, step), now)

    def withdraw(self, keys):
        effects = self._twin.machine.orders.withdraw(keys)
        return self._twin.both(effects, "withdraw", list(keys))

    def cancel(self, number, now):
        return self._twin.both(self._twin.machine.orders.cancel(number, now), "cancel", number, now)

    def type(self, room, now):
        return self._twin.both(self._twin.machine.orders.type(room, now), "type", room, now)

    def ask(self, message, now):
        number, effects = self._twin.machine.orders.ask(message, now)
        return number, self._twin.both(effects, "ask", {**as_json(message), "id": None}, now)


# ---- the companion client's words as the page's ---------------------------------------------------------


def as_json(message):
    return json.loads(msgspec.json.encode(message))


def text_of(kind, payload):
    """Return a frame as the message of a WebSocket."""
    if kind is FrameType.MESSAGE:
        return bytes(payload).decode()
    assert kind in {FrameType.PING, FrameType.PONG}
    return json.dumps({"t": kind.name.lower(), "data": bytes(payload).decode()})


def packed(data):
    """Return bytes as both processes write them."""
    return {"bytes": base64.b64encode(data).decode()}


STEPS = {
    SendFile: "send",
    ReceiveFile: "receive",
    Drop: "drop",
    Fetched: "fetched",
    Found: "found",
    Kept: "kept",
    Settled: "settled",
    Finished: "finished",
    Failed: "failed",
}
ERRANDS = {
    Fetch: "fetch",
    Find: "find",
    Keep: "keep",
    Settle: "settle",
    Finish: "finish",
    Over: "over",
    Staged: "staged",
}


def named(names, one):
    """Return a step, or an errand, as the page has it."""
    told = {"do": names[type(one)]}
    for name in one.__struct_fields__:
        value = getattr(one, name)
        if isinstance(value, msgspec.Struct):
            value = as_json(value)
        elif isinstance(value, bytes):
            value = packed(value)
        elif isinstance(value, tuple):
            value = [packed(part) for part in value]
        told[name] = value
    return told


def messages_in(data):
    decoder, messages = FrameDecoder(), []
    decoder.feed(data)
    while (taken := decoder.take()) is not None:
        messages.append(json.loads(text_of(*taken)))
    return messages


def shown(effect):
    match effect:
        case Connect(link=link, delay=delay):
            return {"do": "connect", "link": link, "delay": delay}
        case Write(link=link, data=data) if data[4] == FrameType.CHUNK:
            transfer, offset, part = split_chunk(data[5:])
            return {"do": "chunk", "link": link, "transfer": transfer, "offset": offset, "data": packed(part)}
        case Write(link=link, data=data):
            return {"do": "write", "link": link, "messages": messages_in(data)}
        case Close(link=link, politely=politely):
            return {"do": "close", "link": link, "politely": politely}
        case Notify(notice=notice):
            return {"do": "notify", "notice": notice_shown(notice)}
        case Reply(id=number, answer=answer):
            return {"do": "reply", "id": number, "answer": None if answer is None else as_json(answer)}
        case Save(urgent=urgent):
            return {"do": "save", "urgent": urgent}
        case _ if type(effect) in ERRANDS:
            return named(ERRANDS, effect)
    raise AssertionError(effect)


NAMES = {
    n.Connected: ("connected", "nick", "resumed"),
    n.LoginsFailed: ("logins-failed", "nick", "count"),
    n.Quiet: ("quiet", "seconds"),
    n.Revived: ("revived",),
    n.Lost: ("lost",),
    n.CannotConnect: ("cannot-connect", "retry_in"),
    n.Stopped: ("stopped", "code"),
    n.Held: ("held", "reason", "seconds"),
    n.RoomOpened: ("opened", "room", "name", "topic", "head", "cursor", "read", "peer"),
    n.RoomClosed: ("closed", "room", "name"),
    n.JoinRefused: ("join-refused", "room", "code", "text"),
    n.EventSeen: ("event", "event", "name", "own", "check"),
    n.GapSeen: ("gap", "room", "name", "first", "last"),
    n.CursorForgotten: ("cursor-forgotten", "room", "name", "seen"),
    n.Restored: ("restored", "room", "name", "start", "seen", "agreed", "again"),
    n.PresenceSeen: ("presence", "room", "name", "online", "offline", "statuses"),
    n.ThreadSeen: ("thread", "room", "name", "thread", "read", "unread", "following"),
    n.UnreadSeen: ("unread", "room", "name", "read", "unread", "mentions", "mention"),
    n.TypingSeen: ("typing", "room", "name", "nicks"),
    n.InvitedSeen: ("invited", "room", "by", "text"),
    n.AnnouncementSeen: ("announcement", "text", "ts"),
    n.Accepted: ("accepted", "key", "room", "seq", "ts", "n", "already"),
    n.SendRefused: ("refused", "key", "room", "text", "code", "reason", "file"),
}
JSON_NAMES = {"retry_in": "retryIn"}


def notice_shown(notice):
    what, *fields = NAMES[type(notice)]
    told = {"what": what}
    for name in fields:
        value = getattr(notice, name)
        told[JSON_NAMES.get(name, name)] = as_json(value) if isinstance(value, msgspec.Struct) else value
    return json.loads(json.dumps(told))


def bare(effect):
    """Return ``effect`` without what each client words by itself."""
    if effect["do"] == "write":
        said = [
            _without(message, UNSAID if message["t"] == "hello" else set()) for message in effect["messages"]
        ]
        return {**effect, "messages": said}
    if effect["do"] == "notify":
        words = {"lost": {"reason"}, "cannot-connect": {"reason"}, "stopped": {"text"}}
        notice = effect["notice"]
        return {**effect, "notice": _without(notice, words.get(notice["what"], {"state", "counts"}))}
    if effect["do"] == "reply" and effect["answer"] is not None:
        return {
            **effect,
            "answer": {name: value for name, value in effect["answer"].items() if value is not None},
        }
    return effect


def _without(fields, names):
    """Return fields without ``names`` and without defaults."""
    return {
        name: value for name, value in fields.items() if name not in names and value not in ("", None, [])
    }


# ---- what is kept ---------------------------------------------------------------------------------------


def page_form(remembered):
    """Return what the page's machine would remember in the place of ``remembered``."""
    rooms = [
        {
            "room": room,
            "name": remembered.names.get(room, room),
            "cursor": cursor,
            "trail": trail_form(remembered.trails.get(room, Trail())),
        }
        for room, cursor in remembered.cursors.items()
    ]
    return {
        "session": session_form(remembered.session),
        "last": remembered.last,
        "rooms": rooms,
        "outbox": [entry_form(entry) for entry in remembered.outbox],
        "entering": list(remembered.entering),
    }


def page_changes(changes):
    rooms = [
        {"room": room, "name": name, "cursor": seq, "trail": trail_form(Trail.unpack(changes.trails[room]))}
        for room, (seq, name) in changes.cursors.items()
    ]
    return {
        "session": session_form(changes.session),
        "last": changes.last,
        "rooms": rooms,
        "stored": [entry_form(entry) for entry in changes.stored],
        "deleted": list(changes.deleted),
    }


def session_form(session):
    names = {"new_token": "newToken"}
    fields = ("server", "id", "token", "nick", "account", "failed", "new_token")
    return {names.get(name, name): getattr(session, name) for name in fields}


def entry_form(entry):
    fields = {name: getattr(entry, name) for name in ("key", "room", "text", "act", "ref")}
    if entry.file is not None:
        fields["file"] = as_json(entry.file)
    return {**fields, "withdrawn": True} if entry.withdrawn else fields


def trail_form(trail):
    run = trail._run
    checks = [run[at : at + 4].hex() for at in range(0, len(run), 4)]
    return {
        "points": [[seq, check.hex()] for seq, check in trail._points],
        "begin": trail._begin,
        "run": ["" if check == "00000000" else check for check in checks],
    }
