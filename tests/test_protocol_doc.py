"""docs/PROTOCOL.md and the code say the same: every example, table, name, limit and default is compared.

A client is written from that page alone, so whatever it says must be so, and nothing may be missing.
"""

import inspect
import json
import re
import struct
from collections import Counter
from pathlib import Path
from typing import Any

import msgspec
import pytest
from msgspec import NODEFAULT, Struct
from msgspec import inspect as types

from chatd.chat.rules import SETTINGS, History, Kind
from chatd.chat.text import check_text
from chatd.client.core.backoff import ANSWER_BASE, ANSWER_CAPS, SILENCE, STEADY, Backoff
from chatd.client.core.effects import Connect, FindSibling
from chatd.client.core.link import ATTEMPT
from chatd.client.core.links import ORPHAN
from chatd.client.core.machine import Machine
from chatd.client.core.sends import HOLD
from chatd.client.core.session import Remembered, Session, Wishes
from chatd.ops.settings import HeartbeatConfig, LimitsConfig, SessionConfig
from chatd.server.budgets import BURST
from chatd.server.states import State
from chatd.wire import limits, lines, websocket
from chatd.wire import messages as m
from chatd.wire.errors import EXPLANATIONS, ChatdError, CloseReason, Code
from chatd.wire.features import FEATURES
from chatd.wire.frames import FrameDecoder, FrameType, frame, split_chunk
from chatd.wire.native import decode_from_server, decode_to_server, encode
from chatd.wire.websocket_decoder import WebSocketDecoder

ROOT = Path(__file__).parent.parent
PAGE = (ROOT / "docs" / "PROTOCOL.md").read_text()
LINES = PAGE.splitlines()
DECODERS = {"to-server": decode_to_server, "from-server": decode_from_server}
MARKS = {">": decode_to_server, "<": decode_from_server}
RATE = LimitsConfig().requests_per_second
PARTS: dict[type[Struct], str] = {
    m.Pulse: "heartbeat",
    m.Limits: "limits",
    m.RoomState: "room state",
    m.RoomInfo: "room line",
    m.Act: "act",
    m.Member: "member",
    m.File: "file",
    m.SessionInfo: "session",
    m.CertificateInfo: "certificate",
    m.Became: "became",
    m.Reaction: "reaction",
    m.Quote: "quote",
    m.Hit: "hit",
    m.ThreadInfo: "thread line",
    m.ThreadState: "thread state",
    m.HookInfo: "hook line",
    m.StatusInfo: "standing",
}
"""Structs within messages, and what the page calls them."""


# ---- reading the page -----------------------------------------------------------------------------------


def blocks(kind):
    """Return the fenced blocks of ``kind``: what stands behind it, and their lines."""
    found = re.findall(rf"^```{kind}( \S+)?\n(.*?)\n```$", PAGE, re.DOTALL | re.MULTILINE)
    return [(rest.strip(), body.splitlines()) for rest, body in found]


def section(title):
    """Return the lines between the heading ``title`` and the next one of any level."""
    begin = LINES.index(title) + 1
    end = next((at for at in range(begin, len(LINES)) if LINES[at].startswith("#")), len(LINES))
    return LINES[begin:end]


def table(title, head="|"):
    """Return the rows of the table under ``title`` that begins so: per first column, the others."""
    lines = section(title)
    begin = next(at for at, line in enumerate(lines) if line.startswith(head)) + 2
    rows = {}
    for line in lines[begin:]:
        if not line.startswith("|"):
            break
        first, *others = [cell.strip() for cell in line.strip("|").split("|")]
        assert first not in rows
        rows[first.strip("`")] = others
    return rows


def hex_bytes(lines):
    """Return the bytes of a hex dump, whose offsets and characters must fit them."""
    data = b""
    for line in lines:
        offset, digits, shown = re.fullmatch(r"([0-9a-f]{4})  ([0-9a-f ]{47})  \|(.{1,16})\|", line).groups()
        assert int(offset, 16) == len(data)
        row = bytes.fromhex(digits)
        assert shown == "".join(chr(byte) if 32 <= byte < 127 else "." for byte in row)
        data += row
    return data


@pytest.mark.parametrize(("direction", "lines"), blocks("websocket"))
def test_frames_of_websocket_are_these_bytes(direction, lines):
    data = hex_bytes(lines[1:])
    decoder = WebSocketDecoder(masked=direction == "to-server")
    decoder.feed(data)
    told = websocket.TEXT, lines[0].encode()
    if lines[0].startswith("chunk"):
        transfer, offset = map(int, re.findall(r"\d+", lines[0]))
        told = websocket.BINARY, struct.pack(">IQ", transfer, offset) + b"Hello, file!\n"
    assert decoder.take() == told
    assert len(decoder) == 0
    if direction == "from-server":
        assert data == websocket.server_frame(*told)


def test_the_numbers_that_close_a_websocket():
    told = {}
    for number, (cell,) in table("## WebSocket", "| Number |").items():
        told.update(dict.fromkeys(re.findall(r"`([a-z-]+)`", cell), int(number)))
    for why in (*CloseReason, *Code):
        frame_ = websocket.close(why)
        assert frame_[4:].decode() == why
        assert int.from_bytes(frame_[2:4], "big") == told.get(why, 1008), why


def check_example(payload, decode):
    """Check that the code understands ``payload`` and writes the same; defaults may be spelt out."""
    message = decode(payload)
    assert isinstance(message, m.Message)
    written = encode(message)
    if written != frame(FrameType.MESSAGE, payload):
        spelt_out, kept = json.loads(payload), json.loads(written[5:])
        assert decode is decode_to_server
        assert {name: spelt_out[name] for name in kept} == kept
        assert list(kept) == [name for name in spelt_out if name in kept]
        for name in spelt_out.keys() - kept.keys():
            assert spelt_out[name] == getattr(type(message)(**_required(message)), name)
    return message


def _required(message):
    fields = msgspec.structs.fields(message)
    return {field.name: getattr(message, field.name) for field in fields if field.required}


# ---- examples -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("direction", "lines"), blocks("frame"))
def test_frames_are_these_bytes(direction, lines):
    data = hex_bytes(lines[1:])
    decoder = FrameDecoder()
    decoder.feed(data)
    kind, payload = decoder.take()
    assert decoder.take() is None
    assert len(decoder) == 0
    assert frame(kind, payload) == data
    if kind is FrameType.MESSAGE:
        assert payload.decode() == lines[0]
        check_example(payload, DECODERS[direction])
    else:
        name, shown = lines[0].split(" ", 1)
        assert kind is FrameType[name.upper()]
        if kind is FrameType.CHUNK:
            transfer, offset, _ = split_chunk(payload)
            assert json.loads(shown) == f"transfer {transfer}, offset {offset}"
        else:
            assert json.loads(shown).encode() == payload


def _said():
    return [line for _, lines in blocks("transcript") for line in lines if line[0] in MARKS]


@pytest.mark.parametrize("line", dict.fromkeys(_said()))
def test_transcripts_are_messages(line):
    mark, payload = line.split(" ", 1)
    check_example(payload.encode(), MARKS[mark])


@pytest.mark.parametrize("line", [line for _, said in blocks("lines") for line in said])
def test_lines_are_lines(line):
    mark, text = line.split(" ", 1)
    assert mark in MARKS
    kinds = dict.fromkeys(["ping", "pong"], lines.decode_to_server)
    message = kinds.get(json.loads(text)["t"], MARKS[mark])(text.encode())
    if mark == "<":
        assert lines.encode(message) == text.encode() + b"\n"


@pytest.mark.parametrize("refusal", [line for _, said in blocks("refused-lines") for line in said])
def test_lines_that_are_said_to_be_refused_are_refused(refusal):
    code, text = refusal.split(" ", 1)
    decoder = lines.LineDecoder()
    decoder.feed(text.encode() + b"\n")
    with pytest.raises(ChatdError) as caught:
        lines.decode_to_server(decoder.take())
    assert caught.value.code == code


@pytest.mark.parametrize("struct", [m.Ping, m.Pong])
def test_ping_and_pong_are_told_where_they_are_messages(struct):
    told = table(f"#### {struct.__struct_config__.tag}")
    assert {name: row[:2] for name, row in told.items()} == {"data": ["string", '`""`']}
    assert f"{limits.MAX_PING} characters" in PAGE


def test_transcripts_hold_messages_and_remarks_alone():
    assert {line[:2] for _, lines in blocks("transcript") for line in lines} == {"> ", "< ", "# "}


@pytest.mark.parametrize("lines", [lines for _, lines in blocks("transcript")])
def test_in_transcripts_answers_follow_their_requests_and_events_are_dense(lines):
    asked: set[int] = set()
    cursors: dict[str, int] = {}
    for line in lines:
        message = json.loads(line[2:]) if line[0] in MARKS else {}
        if line[0] == ">":
            asked = asked | {message["id"]} if "id" in message else set()
        elif "id" in message:
            asked.remove(message["id"])
        elif message.get("t") in {"welcome", "rooms"}:
            cursors |= {room["room"]: room["cursor"] for room in message["rooms"]}
        elif message.get("t") in {"event", "gap"}:
            first = message.get("first") or message["seq"]
            assert cursors.get(message["room"], first - 1) == first - 1
            cursors[message["room"]] = message.get("last") or message["seq"]


def test_every_kind_of_message_has_an_example():
    shown = [line[2:] for line in _said()] + [lines[0] for _, lines in blocks("frame") if lines[0][0] == "{"]
    kinds = {json.loads(text)["t"] for text in shown}
    assert kinds == {struct.__struct_config__.tag for struct in messages_of(m.ToServer | m.FromServer)}


def _refused():
    return [line.split(" ", 1) for _, lines in blocks("refused") for line in lines]


@pytest.mark.parametrize(("code", "what"), _refused())
def test_what_is_said_to_be_refused_is_refused(code, what):
    decoder = FrameDecoder()
    with pytest.raises(ChatdError) as caught:
        if re.fullmatch(r"([0-9a-f]{2} ?)+", what):
            decoder.feed(bytes.fromhex(what))
            decoder.take()
        else:
            decode_to_server(what.encode())
    assert caught.value.code == code


# ---- fields ---------------------------------------------------------------------------------------------


def messages_of(union):
    return list(dict.fromkeys(union.__args__))


def structs():
    whole = {struct: str(struct.__struct_config__.tag) for struct in messages_of(m.ToServer | m.FromServer)}
    return [(struct, name) for struct, name in (whole | PARTS).items()]


def type_name(kind: Any) -> str:
    """Return what the page calls a type of a field."""
    if isinstance(kind, types.UnionType):
        return type_name(next(one for one in kind.types if not isinstance(one, types.NoneType)))
    return NAMES[type(kind)](kind)


def _integer(kind):
    if (kind.ge, kind.le) == (0, limits.MAX_INT):
        return "count"
    return f"integer {kind.ge}–{kind.le}"  # noqa: RUF001 - as in print


def _number(kind):
    bounds = [("> ", kind.gt), ("≥ ", kind.ge), ("≤ ", kind.le)]
    return "number " + ", ".join(f"{sign}{bound:g}" for sign, bound in bounds if bound is not None)


NAMES = {
    types.IntType: _integer,
    types.FloatType: _number,
    types.StrType: lambda _: "string",
    types.BoolType: lambda _: "boolean",
    types.RawType: lambda _: "event",
    types.StructType: lambda kind: PARTS[kind.cls],
    types.ListType: lambda kind: f"list of {type_name(kind.item_type)}",
    types.VarTupleType: lambda kind: f"list of {type_name(kind.item_type)}",
    types.TupleType: lambda kind: f"[{', '.join(map(type_name, kind.item_types))}]",
    types.DictType: lambda kind: f"object of {type_name(kind.value_type)}",
    types.LiteralType: lambda kind: " or ".join(f'"{value}"' for value in kind.values),
}


def default_name(field):
    """Return what the page calls the default of ``field``."""
    if field.required:
        return "required"
    default = field.default_factory() if field.default is NODEFAULT else field.default
    return "absent" if default is None else f"`{json.dumps(default)}`"


@pytest.mark.parametrize(
    ("struct", "name"), structs(), ids=lambda value: value if isinstance(value, str) else ""
)
def test_every_field_is_told_with_its_type_and_default(struct, name):
    told = {field: (kind, default) for field, (kind, default, _) in table(f"#### {name}").items()}
    fields = types.type_info(struct).fields
    assert told == {field.encode_name: (type_name(field.type), default_name(field)) for field in fields}
    assert list(told) == [field.encode_name for field in fields]
    assert all(meaning for *_, meaning in table(f"#### {name}").values())


@pytest.mark.parametrize(
    ("title", "union"),
    [("### Messages to the server", m.ToServer), ("### Messages from the server", m.FromServer)],
)
def test_every_kind_is_listed(title, union):
    listed = [re.fullmatch(r"\[`(.+)`\]\(#\1\)", cell)[1] for cell in table(title)]
    assert Counter(listed) == Counter(str(one.__struct_config__.tag) for one in messages_of(union))


def test_the_number_of_cursors_is_told():
    assert f"{limits.MAX_CURSORS} rooms at most" in table("#### hello")["cursors"][2]


# ---- frames, errors, reasons, limits --------------------------------------------------------------------


def test_every_frame_type_is_told():
    told = {int(number): name for number, (name, _) in table("### Frame types").items()}
    assert told == {int(kind): kind.name.lower() for kind in FrameType}


def test_every_code_is_told():
    rows = table("## Errors", "| Code |")
    assert list(rows) == [str(code) for code in Code]
    for refuses, meaning, then, advice in rows.values():
        assert set(refuses.split(", ")) <= {"connection", "hello", "request", "transfer", "HTTP"}
        assert meaning
        assert then in {"retry", "forget", "stop"}
        assert advice


def _ends_the_connection():
    rows = table("## Errors", "| Code |")
    return [
        pytest.param(code, then, id=code)
        for code, (what, _, then, _) in rows.items()
        if {"connection", "hello"} & set(what.split(", "))
    ]


@pytest.mark.parametrize(("code", "then"), _ends_the_connection())
def test_what_follows_a_refused_hello_is_what_the_client_does(code, then):
    wishes = Wishes("here:7411")
    machine = Machine(Remembered(Session(token="t", nick="ada"), cursors={"#a": 1}), wishes, Backoff(max))
    number = machine.start(0.0)[0].link
    machine.dialling(number, 0.0)
    machine.connected(number, 0.0)
    effects = machine.received(number, encode(m.Error(code=code, text="No.", room="#a")), 0.0)
    if FindSibling() in effects:
        effects = machine.sibling("", 0.0)
    delays = [effect.delay for effect in effects if isinstance(effect, Connect)]
    assert {"retry": bool(delays and delays[0]), "forget": delays == [0.0], "stop": not delays}[then]
    assert (machine.links.stopped is not None) == (then == "stop")


def test_the_states_are_those_of_the_server():
    assert list(table("### States of the server")) == [state.value for state in State]


def test_every_close_reason_is_told():
    rows = table("### Close reasons")
    assert list(rows) == [str(reason) for reason in CloseReason]
    for reason, (meaning, sent, then) in rows.items():
        assert meaning == EXPLANATIONS[CloseReason(reason)]
        assert re.fullmatch(r"yes|no|no, an `error`", sent)
        assert then


@pytest.mark.parametrize("piece", ['"', "\\", "\n", "é", "\u0700", "€", "\u2028", "👋"])
def test_a_text_that_passes_fits_into_a_frame(piece):
    size = len(piece.encode())
    text = "!" * (limits.MAX_TEXT % size or size) + piece * ((limits.MAX_TEXT - 1) // size)
    check_text(text)
    message = {"t": "send", "id": limits.MAX_INT, "n": limits.MAX_INT, "room": "#" + "𐐀" * limits.MAX_NAME}
    payload = json.dumps(message | {"text": text}).encode()
    assert len(json.dumps(text)) - 2 <= 49_152
    assert len(payload) < limits.MAX_FRAME
    assert decode_to_server(payload).text == text


def test_every_limit_is_told():
    told = {name: int(value) for name, (value, *_) in table("## Limits").items()}
    assert told == {name: value for name, value in vars(limits).items() if name.isupper()}


def test_no_other_code_or_reason_is_named():
    """A name in code marks that looks like a code is one."""
    tags = {str(struct.__struct_config__.tag) for struct in messages_of(m.ToServer | m.FromServer)}
    known = {*Code, *CloseReason, *tags, *SETTINGS, *Kind, *History}
    looks = set(re.findall(r"`([a-z]+(?:-[a-z]+)+)`", PAGE))
    assert looks <= known


@pytest.mark.parametrize(
    "told",
    [
        f"The length is 1 to {limits.MAX_FRAME:,}",
        f"0 to {limits.MAX_PING} bytes of your choice",
        f"ping of more than {limits.MAX_PING} bytes",
        f"1 to {limits.MAX_TEXT:,} bytes of UTF-8; a topic 0 to {limits.MAX_TOPIC}",
        f"1 to {limits.MAX_NAME} characters",
        f"at most {limits.BACKLOG} events back",
        f'`cursors` does not name, `"all"` follows {limits.MAX_WELCOME_DIRECT} at once',
        f"A hello may name {limits.MAX_CURSORS} rooms",
        f"server may return fewer, {limits.ROOMS_PER_MESSAGE} at most",
        f"text | string | required | see [Texts](#texts); {limits.MAX_TEXT:,} bytes at most",
        f"the topic, {limits.MAX_TOPIC} bytes at most",
        f"{limits.MAX_SOFTWARE} characters are kept",
        f"1 to {limits.MAX_CHUNK:,} | data | bytes of the file",
        f"One name of 1 to {limits.MAX_FILE_NAME} bytes",
        f"at least the first {limits.MIN_FILE_ID} digits of it",
        f"as its sender believes; {limits.MAX_MEDIA} characters at most",
        f"above {limits.MAX_FRAME:,}",
        "The default is {0.interval:g} s and {0.misses} misses".format(HeartbeatConfig()),
        f"a complete hello after connecting | {LimitsConfig().hello_timeout:g} s",
        f"none is taken, nothing is heard | {LimitsConfig().write_timeout:g} s",
        f"loopback not counted | {LimitsConfig().max_connections_per_address}",
        f"resumes are free | {LimitsConfig().new_sessions_per_minute} |",
        f"loopback not counted; resumes are given back | {LimitsConfig().connections_per_minute} |",
        f"refused with `too-fast` | after {LimitsConfig().flood_delay:g} s |",
        f"ends with `too-fast` | after {LimitsConfig().flood_refuse:g} s more |",
        f"| resumes of one user in a minute | {LimitsConfig().resumes_per_minute} |",
        f"| joins of one user in a minute | {LimitsConfig().joins_per_minute} |",
        f"one user asks for in an hour | {LimitsConfig().acts_per_hour} |",
        f"notes of removals in all rooms | {LimitsConfig().max_acts} |",
        f"delayed a little, then refused | {LimitsConfig().history_per_minute} |",
        f"begins in an hour | {LimitsConfig().files_per_hour} |",
        f"{RATE} in a second, {BURST * RATE:g} at once",
        f"| users | {LimitsConfig().max_users} |",
        f"| devices of one user | {LimitsConfig().max_devices} |",
        f"| public rooms and direct-message logs | {LimitsConfig().max_rooms} |",
        f"that one user begins | {LimitsConfig().max_direct} |",
        f"logs of one user in an hour | {LimitsConfig().new_rooms_per_hour} |",
        f"a session without a connection is kept | {SessionConfig().expire_days:g} days",
        "the interval of a heartbeat | {0.min_interval:g} to {0.max_interval:g} s".format(HeartbeatConfig()),
        "misses of a heartbeat | {0.min_limit:g} to {0.max_limit:g} s".format(HeartbeatConfig()),
        f"`misses`, {HeartbeatConfig().interval * HeartbeatConfig().misses:g} s by default",
        f"connecting may take {ATTEMPT:g} s",
        f"without an answer in the last {ORPHAN:g} s",
        f"keep it and wait {HOLD:g} s",
        f"and then {STEADY:g} s without an end",
        f"up to {SILENCE[0][1]:g} s; after {SILENCE[0][0] / 60:g} minutes of trouble",
        f"of trouble up to {SILENCE[1][1]:g} s; after {SILENCE[1][0] / 60:g} minutes",
        f"after {SILENCE[1][0] / 60:g} minutes up to {SILENCE[2][1]:g} s |",
        f"a random time from 0 to {ANSWER_BASE:g} s",
        f"{ANSWER_CAPS[0][1]:g} s at most in the first {ANSWER_CAPS[0][0] / 60:g} minutes",
        f"minutes, {ANSWER_CAPS[1][1]:g} s after",
    ],
)
def test_numbers_in_sentences(told):
    words = re.sub(r"[\s`]+", " ", PAGE)
    assert re.sub(r"[\s`]+", " ", told) in words


# ---- the page as a page ---------------------------------------------------------------------------------


def _anchors():
    seen: Counter[str] = Counter()
    for line in re.sub(r"^```.*?^```$", "", PAGE, flags=re.DOTALL | re.MULTILINE).splitlines():
        if line.startswith("#"):
            words = line.lstrip("#").strip().lower()
            anchor = re.sub(r"[^\w\- ]", "", words).replace(" ", "-")
            yield f"{anchor}-{seen[anchor]}" if seen[anchor] else anchor
            seen[anchor] += 1


def test_links_lead_somewhere():
    assert set(re.findall(r"\]\(#([^)]+)\)", PAGE)) <= set(_anchors())


def _cited():
    for module in sorted((ROOT / "chatd").rglob("*.py")):
        for title in re.findall(r'PROTOCOL\.md,\s+"([^"]+)"', module.read_text()):
            yield pytest.param(title, id=f"{module.name}-{title}")


@pytest.mark.parametrize("title", list(_cited()))
def test_sections_that_the_code_cites_exist(title):
    assert re.search(rf"^#+ {re.escape(title)}$", PAGE, re.MULTILINE)


def test_event_kinds_of_the_code_are_told():
    told = set(table("## Rooms, logs and cursors", "| `kind` |"))
    kinds = re.search(r"Kinds: ([\w,\s-]+)\.", inspect.getdoc(m.Event))[1]
    assert told == set(re.split(r",\s+", kinds))


def test_every_feature_is_told():
    names = re.search(
        r"The `features` of the welcome name what the server knows of it: (.*?)\(", PAGE, re.DOTALL
    )[1]
    assert set(re.findall(r"`([a-z-]+)`", names)) == set(FEATURES)
