"""METADATA: what users and rooms say of themselves by keys (ircv3.net, "Metadata").

Before the connection is registered a client says of itself what it will have said then.
"""

import re
import unicodedata
from collections.abc import Callable, Coroutine, Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

from chatd.chat import metadata as kept
from chatd.chat.rules import Standing
from chatd.chat.state import Room, User
from chatd.server.irc import metadata as heard
from chatd.server.irc import numerics as n
from chatd.server.irc.batches import say_batch, within
from chatd.server.irc.client import Client
from chatd.server.irc.metadata import (
    EVERYTHING,
    MOST_AT_ONCE,
    MOST_KEY,
    MOST_KEYS,
    MOST_SUBSCRIPTIONS,
    MOST_VALUE,
    SELF,
)
from chatd.server.irc.names import fold, shown
from chatd.server.irc.network import OTHERS_PER_UNIT
from chatd.wire.irc import Line

_KEY: Final = re.compile(f"[a-z0-9_./-]{{1,{MOST_KEY}}}")

LOOKED_AT: Final = 500
"""Users who are looked at in one turn: a millisecond of work."""

TOLD: Final = 5
"""What a line costs of that."""

ON_ONE_LINE: Final = 5
"""Keys that one line names: five of the longest fit."""

Owner = User | Room


async def metadata(client: Client, line: Line) -> None:
    """Do what the second word says, about the target that is the first."""
    if not heard.hears(client):
        client.numeric(n.UNKNOWNCOMMAND, "METADATA")
        return
    word = line.params[1].upper() if len(line.params) > 1 else ""
    least, handle = _WORDS.get(word, (0, None))
    if handle is None or len(line.params) < 2 + least:
        what = "a key is missing" if handle is not None else "it is GET, LIST, SET, CLEAR, SUB, UNSUB or SYNC"
        client.fail("METADATA", "INVALID_PARAMS", shown(word), text=f"METADATA takes more: {what}.")
        return
    await handle(client, line.params[0], line.params[2:])


# ---- whose it is ------------------------------------------------------------------------------------


def _is_self(client: Client, target: str) -> bool:
    return target == SELF or (client.registration is None and fold(target) == fold(client.nick))


def _owner(client: Client, target: str) -> Owner | None:
    """Return whom ``target`` means; None, and a refusal, if that is nobody, or nothing that may be seen."""
    owner: Owner | None = None
    if client.registration is None:
        if _is_self(client, target):
            owner = client.me
        elif target.startswith("#"):
            room = client.room(target)
            sees = room is not None and (client.me in room.members or room.rules.kind != "private")
            owner = room if sees else None
        else:
            owner = client.network.user_called(target)
    if owner is None:
        client.fail(
            "METADATA", "INVALID_TARGET", shown(target), text="There is nobody and nothing of that name."
        )
    return owner


def _early(client: Client, target: str) -> dict[str, str] | None:
    """Return what the client says of itself before it is registered, if it means that."""
    return client.registration.said if client.registration is not None and target == SELF else None


def _known(client: Client, target: str) -> tuple[str, Mapping[str, str]] | None:
    """Return the name of the ``target`` and what it says; None, and a refusal, if it is none."""
    said = _early(client, target)
    if said is not None:
        return SELF, said
    owner = _owner(client, target)
    return None if owner is None else (heard.name_of(owner), kept.of(client.world, owner))


def _may_change(client: Client, owner: Owner) -> bool:
    if owner is client.me or client.me.operator:
        return True
    member = owner.members.get(client.me) if isinstance(owner, Room) else None
    return member is not None and member.role >= Standing.MODERATOR


# ---- what it says -----------------------------------------------------------------------------------


async def _get(client: Client, target: str, keys: Sequence[str]) -> None:
    await _settle(client)
    known = _known(client, target)
    if known is not None:
        name, said = known
        lines = [
            heard.line_of(client, name, key, said.get(key, ""))
            if _KEY.fullmatch(key)
            else _bad_key(client, key)
            for key in keys
        ]
        say_batch(client, lines, "metadata", name)


async def _list(client: Client, target: str, _: Sequence[str]) -> None:
    await _settle(client)
    known = _known(client, target)
    if known is not None:
        name, said = known
        lines = [heard.line_of(client, name, key, value) for key, value in said.items()]
        say_batch(client, lines, "metadata", name)


async def _set(client: Client, target: str, params: Sequence[str]) -> None:
    key, value = params[0], params[1] if len(params) > 1 else ""
    early = _early(client, target)
    owner = None if early is not None else _owner(client, target)
    if early is None and owner is None:
        return
    if not _KEY.fullmatch(key):
        client.fail("METADATA", "INVALID_KEY", shown(key), text=_BAD_KEY)
    elif owner is not None and not _may_change(client, owner):
        client.fail("METADATA", "KEY_NO_PERMISSION", shown(target), key, text="That is not yours to say.")
    elif len(value.encode()) > MOST_VALUE or any(unicodedata.category(char) == "Cc" for char in value):
        client.fail(
            "METADATA", "INVALID_VALUE", key, text=f"A value is a text of {MOST_VALUE} bytes at most."
        )
    else:
        said = early if early is not None else kept.of(client.world, owner or client.me)
        if value and key not in said and len(said) >= MOST_KEYS:
            client.fail(
                "METADATA", "LIMIT_REACHED", shown(target), str(MOST_KEYS), text="These are all keys."
            )
        elif early is not None:
            if value:
                early[key] = value
            else:
                early.pop(key, None)
            client.say(heard.line_of(client, SELF, key, value))
        elif owner is not None and await _put(client, owner, {key: value}):
            client.say(heard.line_of(client, heard.name_of(owner), key, value))


async def _clear(client: Client, target: str, _: Sequence[str]) -> None:
    early = _early(client, target)
    owner = None if early is not None else _owner(client, target)
    if early is not None:
        lines = [heard.line_of(client, SELF, key, "") for key in early]
        early.clear()
        say_batch(client, lines, "metadata", SELF)
    elif owner is not None and not _may_change(client, owner):
        client.fail("METADATA", "KEY_NO_PERMISSION", shown(target), "*", text="That is not yours to say.")
    elif owner is not None:
        keys = dict.fromkeys(kept.of(client.world, owner), "")
        if await _put(client, owner, keys):
            name = heard.name_of(owner)
            say_batch(client, [heard.line_of(client, name, key, "") for key in keys], "metadata", name)


async def _put(client: Client, owner: Owner, changes: Mapping[str, str]) -> bool:
    """Have ``owner`` say something else, and the others told once that is kept; return whether it is."""
    world, before = client.world, dict(kept.of(client.world, owner))
    for key, value in changes.items():
        kept.put(world, owner, key, value)
    client.network.server.hub.change()
    await client.questions.settle()
    now = kept.of(world, owner)
    if any(now.get(key, "") != value for key, value in changes.items()):
        text = "The server cannot write to its disk now; try again later."
        client.fail("METADATA", "RATE_LIMITED", heard.name_of(owner), next(iter(changes)), "10", text=text)
        return False
    for key, value in changes.items():
        if before.get(key, "") != value:
            looked_at = heard.tell(client, owner, key, value)
            client.connection.input.gate.charge(looked_at / OTHERS_PER_UNIT)
    return True


async def _settle(client: Client) -> None:
    if client.registration is None:
        await client.questions.settle()


# ---- what one hears of ------------------------------------------------------------------------------


async def _subscribe(client: Client, target: str, keys: Sequence[str]) -> None:
    if not _is_about_self(client, target):
        return
    before, done, lines = frozenset(client.subscriptions), [], []
    for key in keys:
        if not _KEY.fullmatch(key):
            lines.append(_bad_key(client, key))
        elif key not in client.subscriptions and len(client.subscriptions) >= MOST_SUBSCRIPTIONS:
            lines.append(
                _refused(client, "LIMIT_REACHED", key, str(MOST_SUBSCRIPTIONS), "These are too many keys.")
            )
            break
        else:
            client.subscriptions.add(key)
            done.append(key)
    _tell_keys(client, n.METADATASUBOK, dict.fromkeys(done))
    for line in lines:
        client.say(line)
    new = client.subscriptions - before
    if new and client.registration is None:
        await client.questions.settle()
        if heard.seen_in_rooms(client) > MOST_AT_ONCE:
            client.numeric(n.SYNCLATER, EVERYTHING, "0")
        else:
            await _sync_all(client, EVERYTHING, frozenset(new))


async def _unsubscribe(client: Client, target: str, keys: Sequence[str]) -> None:
    if not _is_about_self(client, target):
        return
    right = dict.fromkeys(key for key in keys if _KEY.fullmatch(key))
    client.subscriptions -= right.keys()
    _tell_keys(client, n.METADATAUNSUBOK, right)
    for key in keys:
        if key not in right:
            client.say(_bad_key(client, key))


async def _subscriptions(client: Client, target: str, _: Sequence[str]) -> None:
    if _is_about_self(client, target):
        lines = list(_key_lines(client, n.METADATASUBS, sorted(client.subscriptions)))
        say_batch(client, lines, "metadata-subs")


async def _sync(client: Client, target: str, _: Sequence[str]) -> None:
    await _settle(client)
    keys = frozenset(client.subscriptions)
    if client.registration is not None:
        say_batch(client, (), "metadata", SELF)
    elif target in {SELF, EVERYTHING}:
        await _sync_all(client, target, keys)
    else:
        owner = _owner(client, target)
        if isinstance(owner, Room) and client.me in owner.members:
            client.connection.input.gate.charge(len(owner.members) / OTHERS_PER_UNIT)
            await _say_many(client, heard.in_room(owner), keys, target)
        elif owner is not None:
            await _say_many(client, iter((owner,)), keys, target)


async def _sync_all(client: Client, target: str, keys: frozenset[str]) -> None:
    client.connection.input.gate.charge(heard.seen_in_rooms(client) / OTHERS_PER_UNIT)
    await _say_many(client, heard.visible(client), keys, target)


async def _say_many(client: Client, owners: Iterator[Owner], keys: frozenset[str], target: str) -> None:
    """Say what ``owners`` say by ``keys``, in a batch; some of them are looked at in each turn."""
    batch = client.new_batch() if client.has("batch") else ""
    if batch:
        client.tell("BATCH", f"+{batch}", "metadata", target)
    done = 0
    for owner in owners if keys else ():
        for line in heard.wanted_of(client, owner, keys):
            client.say_within(within(line, batch) if batch else line)
            done += TOLD
        done += 1
        if done >= LOOKED_AT:
            done = 0
            await client.questions.rest()
    if batch:
        client.tell("BATCH", f"-{batch}")


def _is_about_self(client: Client, target: str) -> bool:
    if _is_self(client, target):
        return True
    client.fail("METADATA", "INVALID_TARGET", shown(target), text="You say only yourself what you hear of.")
    return False


def _tell_keys(client: Client, numeric: n.Numeric, keys: Iterable[str]) -> None:
    for line in _key_lines(client, numeric, list(keys)):
        client.say(line)


def _key_lines(client: Client, numeric: n.Numeric, keys: Sequence[str]) -> Iterator[bytes]:
    for begin in range(0, len(keys), ON_ONE_LINE):
        yield client.line(numeric.number, client.nick, *keys[begin : begin + ON_ONE_LINE])


_BAD_KEY: Final = f"A key has small letters, digits, _ . / and -, {MOST_KEY} at most."


def _bad_key(client: Client, key: str) -> bytes:
    return client.line("WARN", "METADATA", "INVALID_KEY", shown(key), _BAD_KEY)


def _refused(client: Client, code: str, *params: str) -> bytes:
    return client.line("FAIL", "METADATA", code, *params)


Handle = Callable[[Client, str, Sequence[str]], Coroutine[Any, Any, None]]

_WORDS: Final[dict[str, tuple[int, Handle | None]]] = {
    "GET": (1, _get),
    "LIST": (0, _list),
    "SET": (1, _set),
    "CLEAR": (0, _clear),
    "SUB": (1, _subscribe),
    "UNSUB": (1, _unsubscribe),
    "SUBS": (0, _subscriptions),
    "SYNC": (0, _sync),
}
"""What METADATA does, with how many parameters behind the word at least."""
