"""The native codec: what is encoded is decoded again, what is not a message is refused by name."""

import json

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from chatd.wire import messages as m
from chatd.wire.errors import ChatdError, Code, ProtocolError
from chatd.wire.frames import HEAD_SIZE, MAX_TRANSFER, FrameDecoder, FrameType
from chatd.wire.limits import (
    ACTS_PER_MESSAGE,
    MAX_BLOCKED,
    MAX_CURSORS,
    MAX_FRAME,
    MAX_INT,
    MAX_LABEL,
    MAX_NAME,
    MAX_REASON,
    MAX_SLOW,
    MAX_SOFTWARE,
    MAX_TEXT,
    MAX_TOPIC,
    PAGE_BYTES,
    PAGE_ROWS,
    ROOMS_PER_MESSAGE,
    SESSIONS_PER_MESSAGE,
)
from chatd.wire.messages.notices import ThreadState
from chatd.wire.native import decode_all_to_server, decode_from_server, decode_to_server, encode
from chatd.wire.objects import UnknownRequestError, write

TEXTS = st.text(max_size=40)
COUNTS = st.integers(0, MAX_INT)
PAGES = st.integers(1, PAGE_ROWS)
SECONDS = st.floats(0, 1e9)
PULSES = st.builds(m.Pulse, interval=st.floats(0.001, 3600), misses=st.integers(1, 1000))
ROOM_STATES = st.builds(
    m.RoomState, room=TEXTS, head=COUNTS, cursor=COUNTS, read=COUNTS, first=COUNTS, topic=TEXTS, peer=TEXTS
)
LIMITS = st.builds(
    m.Limits,
    frame=COUNTS,
    text=COUNTS,
    name=COUNTS,
    rooms=COUNTS,
    unanswered=COUNTS,
    file=COUNTS,
    window=COUNTS,
    transfers=COUNTS,
)
FILES = st.builds(m.File, name=TEXTS, size=COUNTS, sha256=TEXTS, media=TEXTS)
TRANSFERS = st.integers(1, MAX_TRANSFER)
PROGRESSES = st.builds(m.Progress, transfer=TRANSFERS, received=COUNTS, stored=COUNTS)
CANCELS = st.builds(m.Cancel, transfer=TRANSFERS, code=TEXTS, text=TEXTS)
THREADS = st.builds(
    ThreadState, room=TEXTS, thread=COUNTS, head=COUNTS, read=COUNTS, unread=COUNTS, off=st.booleans()
)
TYPINGS = st.builds(m.Typing, room=TEXTS, nicks=st.lists(TEXTS, max_size=3))
GOODBYES = st.builds(m.Goodbye, reason=TEXTS, text=TEXTS, retry_after=st.none() | SECONDS)
EVENTS = st.builds(
    m.Event,
    room=TEXTS,
    seq=COUNTS,
    ts=COUNTS,
    kind=TEXTS,
    by=TEXTS,
    text=TEXTS,
    session=COUNTS,
    n=COUNTS,
    file=st.none() | FILES,
    whom=TEXTS,
    reason=TEXTS,
    value=TEXTS,
    operator=st.booleans(),
    ref=COUNTS,
    refs=st.lists(COUNTS, max_size=3).map(tuple),
    thread=COUNTS,
    mentions=st.lists(TEXTS, max_size=3).map(tuple),
)
ACTS = st.builds(m.Act, what=TEXTS, whom=TEXTS, by=TEXTS, reason=TEXTS, seconds=COUNTS)
REACTIONS = st.builds(m.Reaction, emoji=TEXTS, count=COUNTS, mine=st.booleans())
BECAME = st.builds(
    m.Became,
    seq=COUNTS,
    edit=COUNTS,
    text=TEXTS,
    reactions=st.lists(REACTIONS, max_size=3).map(tuple),
    replies=COUNTS,
    last_reply=COUNTS,
    pinned=st.booleans(),
)
NUMBERS = st.integers(1, MAX_INT)
RAW_EVENTS = EVENTS.map(lambda event: msgspec.Raw(encode(event)[HEAD_SIZE:]))

TO_SERVER = {
    m.Hello: st.builds(
        m.Hello,
        version=COUNTS,
        software=TEXTS,
        nick=TEXTS,
        token=TEXTS,
        label=st.none() | TEXTS,
        device=st.booleans(),
        heartbeat=st.none() | PULSES,
        cursors=st.dictionaries(TEXTS, COUNTS, max_size=10),
        follow=st.sampled_from(["all", "listed"]),
        password=TEXTS,
        register=st.booleans(),
        invite=TEXTS,
    ),
    m.Send: st.builds(
        m.Send, id=COUNTS, n=NUMBERS, room=TEXTS, text=TEXTS, file=st.none() | FILES, ref=COUNTS
    ),
    m.Edit: st.builds(m.Edit, id=COUNTS, n=NUMBERS, room=TEXTS, seq=COUNTS, text=TEXTS),
    m.React: st.builds(m.React, id=COUNTS, n=NUMBERS, room=TEXTS, seq=COUNTS, emoji=TEXTS, off=st.booleans()),
    m.Pin: st.builds(m.Pin, id=COUNTS, room=TEXTS, seq=COUNTS, off=st.booleans()),
    m.Pins: st.builds(m.Pins, id=COUNTS, room=TEXTS),
    m.Look: st.builds(m.Look, id=COUNTS, room=TEXTS, seqs=st.lists(COUNTS, min_size=1, max_size=3)),
    m.Join: st.builds(m.Join, id=COUNTS, room=TEXTS, after=st.none() | COUNTS),
    m.Leave: st.builds(m.Leave, id=COUNTS, room=TEXTS),
    m.Topic: st.builds(m.Topic, id=COUNTS, room=TEXTS, text=TEXTS),
    m.Nick: st.builds(m.Nick, id=COUNTS, nick=TEXTS),
    m.Read: st.builds(m.Read, id=COUNTS, room=TEXTS, seq=COUNTS),
    m.ListRooms: st.builds(m.ListRooms, id=COUNTS, after=TEXTS, limit=PAGES),
    m.Members: st.builds(m.Members, id=COUNTS, room=TEXTS, after=TEXTS, limit=PAGES),
    m.History: st.builds(
        m.History, id=COUNTS, room=TEXTS, before=st.none() | COUNTS, after=st.none() | COUNTS, limit=PAGES
    ),
    m.Search: st.builds(m.Search, id=COUNTS, query=TEXTS, room=TEXTS, before=TEXTS, limit=PAGES),
    m.Upload: st.builds(m.Upload, id=COUNTS, transfer=TRANSFERS, size=COUNTS, sha256=TEXTS),
    m.Download: st.builds(
        m.Download,
        id=COUNTS,
        transfer=TRANSFERS,
        room=TEXTS,
        seq=st.none() | COUNTS,
        file=TEXTS,
        offset=COUNTS,
    ),
    m.InviteTo: st.builds(m.InviteTo, id=COUNTS, room=TEXTS, whom=TEXTS, reason=TEXTS),
    m.Kick: st.builds(m.Kick, id=COUNTS, room=TEXTS, whom=TEXTS, reason=TEXTS),
    m.Ban: st.builds(m.Ban, id=COUNTS, room=TEXTS, whom=TEXTS, reason=TEXTS, seconds=COUNTS),
    m.Unban: st.builds(m.Unban, id=COUNTS, room=TEXTS, whom=TEXTS),
    m.Mute: st.builds(m.Mute, id=COUNTS, room=TEXTS, whom=TEXTS, reason=TEXTS, seconds=COUNTS),
    m.Unmute: st.builds(m.Unmute, id=COUNTS, room=TEXTS, whom=TEXTS),
    m.Acts: st.builds(m.Acts, id=COUNTS, room=TEXTS, what=TEXTS, after=TEXTS, limit=PAGES),
    m.AddHook: st.builds(m.AddHook, id=COUNTS, room=TEXTS, name=TEXTS, url=TEXTS),
    m.DropHook: st.builds(m.DropHook, id=COUNTS, room=TEXTS, name=TEXTS),
    m.Hooks: st.builds(m.Hooks, id=COUNTS, room=TEXTS),
    m.Role: st.builds(m.Role, id=COUNTS, room=TEXTS, whom=TEXTS, role=TEXTS),
    m.Set: st.builds(m.Set, id=COUNTS, room=TEXTS, rule=TEXTS, value=TEXTS),
    m.Decline: st.builds(m.Decline, id=COUNTS, room=TEXTS),
    m.Certificates: st.builds(m.Certificates, id=COUNTS),
    m.AddCertificate: st.builds(m.AddCertificate, id=COUNTS, fingerprint=TEXTS, name=TEXTS),
    m.DropCertificate: st.builds(m.DropCertificate, id=COUNTS, fingerprint=TEXTS),
    m.Remove: st.builds(m.Remove, id=COUNTS, room=TEXTS, seq=COUNTS, reason=TEXTS),
    m.DeleteRoom: st.builds(m.DeleteRoom, id=COUNTS, room=TEXTS, reason=TEXTS),
    m.Block: st.builds(m.Block, id=COUNTS, whom=TEXTS),
    m.Unblock: st.builds(m.Unblock, id=COUNTS, whom=TEXTS),
    m.Allow: st.builds(m.Allow, id=COUNTS, direct=TEXTS),
    m.Register: st.builds(m.Register, id=COUNTS, password=TEXTS, invite=TEXTS),
    m.Passwd: st.builds(m.Passwd, id=COUNTS, password=TEXTS, old=TEXTS),
    m.Sessions: st.builds(m.Sessions, id=COUNTS),
    m.FollowThread: st.builds(m.FollowThread, id=COUNTS, room=TEXTS, thread=COUNTS, off=st.booleans()),
    m.Threads: st.builds(m.Threads, id=COUNTS, room=TEXTS, after=COUNTS),
    m.SetStatus: st.builds(m.SetStatus, id=COUNTS, state=TEXTS, text=TEXTS, seconds=COUNTS),
    m.End: st.builds(m.End, id=COUNTS, session=COUNTS),
    m.DeleteAccount: st.builds(m.DeleteAccount, id=COUNTS, password=TEXTS, erase=st.booleans()),
    m.Logout: st.builds(m.Logout, id=COUNTS, everywhere=st.booleans()),
    m.Invite: st.builds(m.Invite, id=COUNTS, uses=st.integers(1, 1000), days=st.integers(1, 365)),
    m.Decline: st.builds(m.Decline, id=COUNTS, room=TEXTS),
    m.Certificates: st.builds(m.Certificates, id=COUNTS),
    m.AddCertificate: st.builds(m.AddCertificate, id=COUNTS, fingerprint=TEXTS, name=TEXTS),
    m.DropCertificate: st.builds(m.DropCertificate, id=COUNTS, fingerprint=TEXTS),
    m.Progress: PROGRESSES,
    m.Cancel: CANCELS,
    m.Typing: TYPINGS,
    m.Goodbye: GOODBYES,
}
FROM_SERVER = {
    m.Welcome: st.builds(
        m.Welcome,
        version=COUNTS,
        software=TEXTS,
        server=TEXTS,
        session=COUNTS,
        nick=TEXTS,
        last=COUNTS,
        now=COUNTS,
        heartbeat=PULSES,
        limits=LIMITS,
        rooms=st.lists(ROOM_STATES, max_size=3),
        token=TEXTS,
        resumed=st.booleans(),
        more=st.booleans(),
    ),
    m.Rooms: st.builds(m.Rooms, rooms=st.lists(ROOM_STATES, max_size=3), more=st.booleans()),
    m.Left: st.builds(m.Left, room=TEXTS),
    m.Following: st.builds(m.Following, threads=st.lists(THREADS, max_size=3)),
    m.Unread: st.builds(
        m.Unread, room=TEXTS, head=COUNTS, read=COUNTS, unread=COUNTS, mentions=COUNTS, mention=COUNTS
    ),
    m.Invited: st.builds(m.Invited, room=TEXTS, by=TEXTS, text=TEXTS),
    m.Announcement: st.builds(m.Announcement, text=TEXTS, ts=COUNTS),
    m.Event: EVENTS,
    m.Announcement: st.builds(m.Announcement, text=TEXTS, ts=COUNTS),
    m.Gap: st.builds(m.Gap, room=TEXTS, first=COUNTS, last=COUNTS),
    m.Presence: st.builds(m.Presence, room=TEXTS, online=st.lists(TEXTS), offline=st.lists(TEXTS)),
    m.Ok: st.builds(
        m.Ok,
        id=COUNTS,
        seq=st.none() | COUNTS,
        ts=st.none() | COUNTS,
        room=TEXTS,
        rooms=st.none()
        | st.lists(st.builds(m.RoomInfo, room=TEXTS, members=COUNTS, head=COUNTS, topic=TEXTS), max_size=3),
        members=st.none() | st.lists(st.builds(m.Member, nick=TEXTS, online=st.booleans()), max_size=3),
        acts=st.none() | st.lists(ACTS, max_size=3),
        events=st.none() | st.lists(RAW_EVENTS, max_size=3),
        more=st.booleans(),
        offset=st.none() | COUNTS,
        file=st.none() | FILES,
        at=st.none() | COUNTS,
        became=st.none() | st.lists(BECAME, max_size=3),
        quotes=st.none() | st.lists(st.builds(m.Quote, seq=COUNTS, by=TEXTS, text=TEXTS), max_size=3),
    ),
    m.Progress: PROGRESSES,
    m.Cancel: CANCELS,
    m.Typing: TYPINGS,
    m.Error: st.builds(
        m.Error,
        code=TEXTS,
        text=TEXTS,
        id=st.none() | COUNTS,
        suggest=TEXTS,
        room=TEXTS,
        retry_after=st.none() | SECONDS,
    ),
    m.Goodbye: GOODBYES,
}
UNKNOWN_FIELDS = st.dictionaries(
    st.text(min_size=1).map(lambda name: "x-" + name),
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | TEXTS,
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
        max_leaves=5,
    ),
    max_size=3,
)


def payload_of(message):
    decoder = FrameDecoder()
    decoder.feed(encode(message))
    taken = decoder.take()
    assert taken is not None
    assert taken[0] is FrameType.MESSAGE
    assert decoder.take() is None
    return taken[1]


def refusal_of(payload, decode=decode_to_server):
    with pytest.raises(ChatdError) as caught:
        decode(payload)
    return caught.value


def test_every_message_has_its_strategy():
    assert set(TO_SERVER) == set(m.ToServer.__args__)
    assert set(FROM_SERVER) == set(m.FromServer.__args__)


# ---- round trips ----------------------------------------------------------------------------------------


@given(st.one_of(*TO_SERVER.values()))
def test_messages_to_the_server_come_back(message):
    assert decode_to_server(payload_of(message)) == message


def read(text):
    """Return the message in ``text``, or what its refusal says."""
    try:
        return decode_to_server(text)
    except (ProtocolError, UnknownRequestError) as error:
        return type(error), str(error)


SPELLINGS = (
    st.one_of(*TO_SERVER.values()).map(write)
    | st.one_of(*TO_SERVER.values()).map(lambda message: b" " + write(message))
    | st.sampled_from([b'{"t":"dance","id":7}', b'{"t":"leave","id":1,"x":1,"x":2}', b'{"t":"read"}', b"[]"])
)


@given(st.lists(SPELLINGS, max_size=6))
def test_messages_that_come_together_are_read_as_one_by_one(texts):
    together = []
    try:
        for message in decode_all_to_server(texts):
            unknown = isinstance(message, UnknownRequestError)
            together.append((type(message), str(message)) if unknown else message)
    except ProtocolError as error:
        together.append((type(error), str(error)))
    singly = [read(text) for text in texts]
    assert together == singly[: len(together)]
    assert len(together) == len(texts) or together[-1][0] is ProtocolError


@given(st.one_of(*FROM_SERVER.values()))
def test_messages_from_the_server_come_back(message):
    assert decode_from_server(payload_of(message)) == message


@given(st.one_of(*TO_SERVER.values()), UNKNOWN_FIELDS, st.randoms(), st.sampled_from([None, 1, "\t"]))
def test_order_space_and_unknown_fields_do_not_matter(message, unknown, random, indent):
    fields = list({**json.loads(payload_of(message)), **unknown}.items())
    random.shuffle(fields)
    for escaped in (True, False):
        foreign = json.dumps(dict(fields), indent=indent, ensure_ascii=escaped).encode()
        assert decode_to_server(foreign) == message


@given(st.one_of(*FROM_SERVER.values()), UNKNOWN_FIELDS)
def test_unknown_fields_from_the_server_are_ignored(message, unknown):
    fields = {**json.loads(payload_of(message)), **unknown}
    decoded = decode_from_server(json.dumps(fields).encode())
    if not isinstance(message, m.Ok):  # the events of an answer are kept as they were written
        assert decoded == message


def test_defaults_are_left_out():
    assert payload_of(m.Hello(nick="ada")) == b'{"t":"hello","nick":"ada"}'
    assert payload_of(m.Goodbye()) == b'{"t":"goodbye"}'


def test_a_hello_without_a_version_is_of_version_1():
    assert decode_to_server(b'{"t":"hello"}').version == 1


def test_events_of_an_answer_keep_their_bytes():
    event = payload_of(m.Event(room="#a", seq=1, ts=2, kind="message", by="ada", text="ä"))
    ok = decode_from_server(payload_of(m.Ok(id=1, events=[msgspec.Raw(event)])))
    assert [bytes(raw) for raw in ok.events] == [event]
    assert decode_from_server(bytes(ok.events[0])).text == "ä"


# ---- kinds that are not known ---------------------------------------------------------------------------

TO_SERVER_TAGS = {kind.__struct_config__.tag for kind in TO_SERVER}
FROM_SERVER_TAGS = {kind.__struct_config__.tag for kind in FROM_SERVER}


@given(st.text().filter(lambda kind: kind not in TO_SERVER_TAGS), COUNTS, UNKNOWN_FIELDS)
def test_unknown_requests_are_refused_by_their_id(kind, number, fields):
    error = refusal_of(json.dumps({**fields, "t": kind, "id": number}).encode())
    assert isinstance(error, UnknownRequestError)
    assert (error.id, error.code) == (number, Code.UNSUPPORTED)
    assert len(error.text) < 400


@pytest.mark.parametrize("kind", ["welcome", "event", "ok", "error", "rooms"])
def test_messages_of_the_other_direction_are_unknown_requests(kind):
    assert isinstance(refusal_of(b'{"t":"%s","id":7}' % kind.encode()), UnknownRequestError)


def test_an_unknown_kind_without_an_id_cannot_be_answered():
    assert refusal_of(b'{"t":"sing"}').code is Code.BAD_MESSAGE


def test_an_unknown_kind_is_named_without_its_control_characters():
    error = refusal_of(b'{"t":"\\u0000\\u001b[31m' + b"x" * 60_000 + b'","id":1}')
    assert error.text.isprintable()
    assert len(error.text) < 200


@given(
    st.text().filter(lambda kind: kind not in FROM_SERVER_TAGS),
    st.sampled_from([1, -1, "one", None, {"x": []}, 2**60, 1.5]),
)
def test_unknown_kinds_from_the_server_are_passed_over_whatever_they_carry(kind, number):
    assert decode_from_server(json.dumps({"t": kind, "id": number, "version": "b"}).encode()) is None


def test_a_hello_of_another_version_is_understood_as_far_as_it_can_be():
    assert decode_to_server(b'{"t":"hello","version":2,"nick":"ada"}').version == 2


@pytest.mark.parametrize(
    "payload",
    [
        b'{"t":"hello","version":2,"nick":["ada"]}',
        b'{"t":"hello","version":0,"cursors":[]}',
        b'{"t":"hello","follow":"some","version":9007199254740991}',
    ],
)
def test_a_hello_of_another_version_is_not_called_malformed(payload):
    """Its fields may have changed; what its sender must hear is that the version is the reason."""
    assert refusal_of(payload).code is Code.VERSION_UNSUPPORTED


# ---- what is not a message ------------------------------------------------------------------------------

LEAVE = b'{"t":"leave","id":1,"room":%s}'
EXTRA = b'{"t":"leave","id":1,"room":"#a","x":%s}'
BEAT = b'{"t":"hello","heartbeat":%s}'

MALFORMED = {
    "nothing": b"",
    "null": b"null",
    "a list": b"[]",
    "a number": b"1",
    "a string": b'"leave"',
    "no kind": b"{}",
    "a kind that is a number": b'{"t":1}',
    "text": b"hello",
    "cut short": b'{"t":"leave","id":1,"room":"#a"',
    "text behind": LEAVE % b'"#a"' + b" x",
    "two objects": LEAVE % b'"#a"' + b"{}",
    "byte order mark": b"\xef\xbb\xbf" + LEAVE % b'"#a"',
    "UTF-16": (LEAVE % b'"#a"').decode().encode("utf-16"),
    "comment": LEAVE % b'"#a"/**/',
    "trailing comma": LEAVE % b'"#a",',
    "NUL behind": LEAVE % b'"#a"' + b"\0",
    "bad UTF-8": LEAVE % b'"\xff"',
    "overlong UTF-8": LEAVE % b'"\xc0\x80"',
    "surrogate in UTF-8": LEAVE % b'"\xed\xa0\x80"',
    "bad UTF-8 in an unknown field": EXTRA % b'"\xff"',
    "bad UTF-8 in an unknown name": b'{"t":"leave","id":1,"room":"#a","\xff":1}',
    "bad UTF-8 in an unknown request": b'{"t":"sing","id":1,"song":"\xff"}',
    "lone high surrogate": LEAVE % b'"\\ud800"',
    "lone low surrogate": LEAVE % b'"\\udc00"',
    "lone surrogate in an unknown field": EXTRA % b'"\\ud800"',
    "raw control character": LEAVE % b'"#\x01"',
    "raw line feed": LEAVE % b'"#\n"',
    "bad escape": LEAVE % b'"\\q"',
    "bad escape in an unknown field": EXTRA % b'"\\q"',
    "same name twice": b'{"t":"leave","id":1,"room":"#a","room":"#b"}',
    "same name twice, same value": b'{"t":"leave","id":1,"room":"#a","room":"#a"}',
    "same name twice, written differently": b'{"t":"leave","id":1,"room":"#a","r\\u006fom":"#b"}',
    "kind twice": b'{"t":"leave","t":"join","id":1,"room":"#a"}',
    "same kind twice": b'{"t":"leave","t":"leave","id":1,"room":"#a"}',
    "same unknown name twice": b'{"t":"leave","id":1,"room":"#a","x":1,"x":1}',
    "same name twice in an unknown field": EXTRA % b'{"y":[{"z":1,"z":2}]}',
    "same name twice in an unknown request": b'{"t":"sing","id":1,"id":2}',
    "same room twice": b'{"t":"hello","cursors":{"#a":1,"#a":2}}',
    "NaN": BEAT % b'{"interval":NaN,"misses":1}',
    "infinity": BEAT % b'{"interval":Infinity,"misses":1}',
    "a float beyond all": BEAT % b'{"interval":1e999,"misses":1}',
    "NaN in an unknown field": EXTRA % b"NaN",
    "leading zero": b'{"t":"leave","id":01,"room":"#a"}',
    "a float for an integer": b'{"t":"leave","id":1.0,"room":"#a"}',
    "an exponent for an integer": b'{"t":"leave","id":1e0,"room":"#a"}',
    "a string for an integer": b'{"t":"leave","id":"1","room":"#a"}',
    "true for an integer": b'{"t":"leave","id":true,"room":"#a"}',
    "null for an integer": b'{"t":"leave","id":null,"room":"#a"}',
    "a number for a string": LEAVE % b"1",
    "null for a string": LEAVE % b"null",
    "a list for a string": LEAVE % b'["#a"]',
    "one for true": b'{"t":"hello","device":1}',
    "a negative number": b'{"t":"leave","id":-1,"room":"#a"}',
    "2**53": b'{"t":"leave","id":9007199254740992,"room":"#a"}',
    "2**64": b'{"t":"leave","id":18446744073709551616,"room":"#a"}',
    "sixty thousand digits": b'{"t":"leave","id":%s,"room":"#a"}' % (b"9" * 60_000),
    "a huge version": b'{"t":"hello","version":%s}' % (b"9" * 300),
    "a missing field": b'{"t":"leave","id":1}',
    "a missing id": b'{"t":"leave","room":"#a"}',
    "send number zero": b'{"t":"send","id":1,"n":0,"room":"#a","text":"x"}',
    "a page of nothing": b'{"t":"list","id":1,"limit":0}',
    "a page too long": b'{"t":"list","id":1,"limit":%d}' % (PAGE_ROWS + 1),
    "a negative cursor": b'{"t":"hello","cursors":{"#a":-1}}',
    "a cursor of a float": b'{"t":"hello","cursors":{"#a":1.0}}',
    "too many cursors": b'{"t":"hello","cursors":{%s}}'
    % b",".join(b'"#%d":1' % room for room in range(MAX_CURSORS + 1)),
    "an interval of zero": BEAT % b'{"interval":0,"misses":1}',
    "an interval of days": BEAT % b'{"interval":3600.5,"misses":1}',
    "no misses": BEAT % b'{"interval":1,"misses":0}',
    "following nothing": b'{"t":"hello","follow":"none"}',
    "a negative wait": b'{"t":"goodbye","retry_after":-1}',
    "lists nested 100000 deep": EXTRA % (b"[" * 100_000 + b"]" * 100_000),
    "objects nested 10000 deep": EXTRA % (b'{"a":' * 10_000 + b"1" + b"}" * 10_000),
    "nested deep from the start": b"[" * 100_000,
    "an unknown request nested deep": b'{"t":"sing","id":1,"x":' + b"[" * 30_000 + b"]" * 30_000 + b"}",
}


@pytest.mark.parametrize("payload", MALFORMED.values(), ids=MALFORMED.keys())
def test_what_is_malformed_is_refused_by_name(payload):
    error = refusal_of(payload)
    assert isinstance(error, ProtocolError)
    assert error.code is Code.BAD_MESSAGE
    assert error.text.isprintable()
    assert len(error.text) < 1000


@pytest.mark.parametrize(
    "payload",
    [
        b'{"t":"event","room":"#a","seq":-1,"ts":1,"kind":"message","by":"ada"}',
        b'{"t":"event","room":"#a","seq":18446744073709551616,"ts":1,"kind":"message","by":"ada"}',
        b'{"t":"event","room":"#a","seq":1.0,"ts":1,"kind":"message","by":"ada"}',
        b'{"t":"gap","room":"#a","first":1}',
        b'{"t":"goodbye","retry_after":-1}',
        b'{"t":"ok","id":1,"events":[}',
        b'{"t":"sing"} x',
        b'{"t":["sing"]}',
        b"[" * 100_000,
        b"",
    ],
)
def test_what_is_malformed_from_the_server_is_refused_too(payload):
    assert refusal_of(payload, decode_from_server).code is Code.BAD_MESSAGE


@given(st.binary(max_size=100))
def test_garbage_never_raises_anything_else(garbage):
    for decode in (decode_to_server, decode_from_server):
        assert refusal_of(garbage, decode).code is Code.BAD_MESSAGE


@given(st.one_of(*TO_SERVER.values()), st.data())
def test_a_damaged_message_is_refused_or_another_message(message, data):
    payload = bytearray(payload_of(message))
    place = data.draw(st.integers(0, len(payload) - 1))
    payload[place] = data.draw(st.integers(0, 255))
    try:
        decoded = decode_to_server(bytes(payload))
    except ChatdError as error:
        assert error.code in {Code.BAD_MESSAGE, Code.UNSUPPORTED, Code.VERSION_UNSUPPORTED}
    else:
        assert type(decoded) in TO_SERVER


def test_escaped_control_characters_are_a_matter_of_the_text_rules():
    assert decode_to_server(LEAVE % b'"#\\u0000"').room == "#\0"


@pytest.mark.parametrize("payload", [LEAVE % b'"\\ud83d\\ude00"', LEAVE % '"😀"'.encode()])
def test_escaped_pairs_are_one_character(payload):
    assert decode_to_server(payload).room == "😀"


def test_white_space_around_is_allowed():
    assert decode_to_server(b" \r\n\t" + LEAVE % b' "#a" ' + b" \n").room == "#a"


# ---- the largest messages fit ---------------------------------------------------------------------------

WIDE = "\U00010000"
"""One character of four bytes."""


def test_the_longest_text_fits_into_a_frame_however_it_is_escaped():
    for char in ('"', "\\", "\n"):
        event = m.Event(
            room="#" + WIDE * MAX_NAME,
            seq=MAX_INT,
            ts=MAX_INT,
            kind="message",
            by=WIDE * MAX_NAME,
            text=char * MAX_TEXT,
            session=MAX_INT,
            n=MAX_INT,
        )
        assert len(encode(event)) < MAX_FRAME - PAGE_BYTES // 4


def test_a_full_page_of_rooms_fits_into_a_frame():
    room = m.RoomState(
        room="#" + WIDE * MAX_NAME,
        head=MAX_INT,
        cursor=MAX_INT,
        read=MAX_INT,
        first=MAX_INT,
        topic='"' * MAX_TOPIC,
        peer=WIDE * MAX_NAME,
        check="0" * 8,
        restored=True,
        kind="read-only",
        role="moderator",
        slow=MAX_SLOW,
        archived=True,
    )
    welcome = m.Welcome(
        version=1,
        software="x" * 200,
        server="x" * 64,
        session=MAX_INT,
        nick=WIDE * MAX_NAME,
        last=MAX_INT,
        now=MAX_INT,
        heartbeat=m.Pulse(5.123456789, 1000),
        limits=m.Limits(frame=MAX_INT, text=MAX_INT, name=MAX_INT, rooms=MAX_INT, unanswered=MAX_INT),
        rooms=[room] * ROOMS_PER_MESSAGE,
        token="x" * 64,
        resumed=True,
        more=True,
    )
    assert len(encode(welcome)) <= 4 + MAX_FRAME


def test_a_full_page_of_members_fits_into_a_frame():
    member = m.Member(nick=WIDE * MAX_NAME, online=False, address="f" * 39, role="moderator")
    assert len(encode(m.Ok(id=MAX_INT, members=[member] * PAGE_ROWS, more=True))) <= 4 + MAX_FRAME


def test_a_full_page_of_listed_rooms_fits_into_a_frame():
    room = m.RoomInfo(
        room="#" + WIDE * MAX_NAME, members=MAX_INT, head=MAX_INT, topic='"' * MAX_TOPIC, kind="read-only"
    )
    assert len(encode(m.Ok(id=MAX_INT, rooms=[room] * ROOMS_PER_MESSAGE, more=True))) <= 4 + MAX_FRAME


def test_a_full_list_of_sessions_fits_into_a_frame():
    row = m.SessionInfo(
        session=MAX_INT,
        software="\1" * MAX_SOFTWARE,
        address="f" * 39,
        ago=MAX_INT,
        online=True,
        here=True,
        label='"' * MAX_LABEL,
    )
    assert len(encode(m.Ok(id=MAX_INT, sessions=[row] * SESSIONS_PER_MESSAGE))) <= 4 + MAX_FRAME


def test_a_full_page_of_acts_fits_into_a_frame():
    name = WIDE * MAX_NAME
    act = m.Act(what="invite", whom=name, by=name, reason='"' * MAX_REASON, seconds=MAX_INT)
    ok = m.Ok(id=MAX_INT, room="#" + name, acts=[act] * ACTS_PER_MESSAGE, more=True)
    assert len(encode(ok)) <= 4 + MAX_FRAME
    blocked = [m.Member(nick=name, online=False)] * MAX_BLOCKED
    assert len(encode(m.Ok(id=MAX_INT, members=blocked))) <= 4 + MAX_FRAME


def test_a_full_presence_fits_into_a_frame():
    nicks = [WIDE * MAX_NAME] * PAGE_ROWS
    assert len(encode(m.Presence(room="#" + WIDE * MAX_NAME, online=nicks, offline=nicks))) <= 4 + MAX_FRAME


def test_a_full_hello_fits_into_a_frame():
    cursors = {f"#{room:03}" + WIDE * (MAX_NAME - 3): MAX_INT for room in range(MAX_CURSORS)}
    hello = m.Hello(nick=WIDE * MAX_NAME, token="x" * 64, cursors=cursors, label="x" * MAX_LABEL)
    assert len(encode(hello)) <= 4 + MAX_FRAME


@pytest.mark.parametrize("escape", ["\\ud800", "\\udc00", "\\ud83dx", "\\ud83d\\u0041"])
def test_half_a_character_is_called_so(escape):
    payload = b'{"t":"send","id":1,"n":1,"room":"#a","text":"a' + escape.encode() + b'"}'
    with pytest.raises(ProtocolError, match="an escape is half of a surrogate pair, which is no character"):
        decode_to_server(payload)
    with pytest.raises(ProtocolError, match="Input data was truncated"):
        decode_to_server(payload[:-5])
