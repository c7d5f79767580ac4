"""Channel modes: what IRC settles about a room beside its rules: keys, limits, voices and masks of people.

They are acts of the room (`chatd.chat.changes.rows.PutAct`), and hold for everybody, whatever they speak. An
event of the kind ``mode`` tells of each change; who does not speak IRC passes it over. Handlers as those of
`chatd.chat.requests`.
"""

from collections.abc import Iterator
from hmac import compare_digest
from typing import Final

from chatd.chat.acts import is_invited
from chatd.chat.changes.rows import DropAct, PutAct
from chatd.chat.masks import means, whole
from chatd.chat.state import Asker, Room, User
from chatd.wire import messages as m
from chatd.wire.errors import Code, RequestError

KEY: Final = "key"
LIMIT: Final = "limit"
UNLISTED: Final = "unlisted"
VOICE: Final = "voice"
MASK: Final = "mask"
QUIET: Final = "quiet"
EXCEPT: Final = "except"
INVEX: Final = "invex"
"""What an act is that a mode has made: see `MODES`."""

MUTES: Final = "m:"
"""How a mask begins that does not keep people out, but lets them not speak."""

MODES: Final = {"k": KEY, "l": LIMIT, "s": UNLISTED, "v": VOICE, "b": MASK, "e": EXCEPT, "I": INVEX}
"""The modes that are acts, by their letters; a ban of a nick or of addresses is an act of its own."""

MOST_MASKS: Final = 60
"""Masks of one kind in a room; each is looked at when somebody comes."""

MOST_KEY: Final = 32
"""Characters of a key."""


class MarkPeople(m.Ban, frozen=True, kw_only=True, tag="ban"):
    """A change of a mode that is about people, such as ``+v``: ``whom`` is a nick, or a mask."""

    change: str


class MarkRoom(m.Set, frozen=True, kw_only=True, tag="set"):
    """A change of a mode that is about the room, such as ``+k``: ``value`` is its parameter."""


TAGS: Final = "tags"
"""The kind of an event whose text are tags that somebody has said to a room, as a line of IRC has them."""


class KeepTags(m.Topic, frozen=True, kw_only=True, tag="topic"):
    """Says ``text``, which are tags, to a room that keeps them: whoever may speak there may do that."""


# ---- what holds -------------------------------------------------------------------------------------


def masks(room: Room, what: str) -> Iterator[str]:
    """Yield the masks of a kind in ``room``."""
    return (whom for kind, whom in room.acts if kind == what)


def parameter(room: Room, what: str) -> str:
    """Return the key or the limit of ``room``; nothing if there is none."""
    return next(masks(room, what), "")


def is_unlisted(room: Room) -> bool:
    """Return whether ``room`` is listed to its members alone."""
    return room.has("acts") and (UNLISTED, "*") in room.acts


def has_voice(room: Room, user: User) -> bool:
    """Return whether ``user`` may speak in ``room`` where else only moderators may."""
    return room.has("acts") and (VOICE, str(user.id)) in room.acts


def is_excepted(room: Room, user: User, prefix: str = "") -> bool:
    """Return whether bans, or with a ``prefix`` the masks that mute, do not count for ``user``."""
    return any(
        means(mask.removeprefix(prefix), user)
        for mask in masks(room, EXCEPT)
        if mask.startswith(MUTES) == bool(prefix)
    )


def is_masked(room: Room, user: User) -> bool:
    """Return whether a mask keeps ``user`` out."""
    return any(means(mask, user) for mask in masks(room, MASK))


def is_invited_by_mask(room: Room, user: User) -> bool:
    """Return whether ``user`` may join a private room by a mask."""
    return any(means(mask, user) for mask in masks(room, INVEX))


def is_quiet(room: Room, user: User) -> bool:
    """Return whether a mask lets ``user`` not speak."""
    found = any(means(mask, user) for mask in masks(room, QUIET))
    return found and not has_voice(room, user) and not is_excepted(room, user, MUTES)


def check_entry(asker: Asker, room: Room, key: str) -> None:
    """Refuse who does not know the key, or comes where there are enough; not who was invited.

    Raises `RequestError` ``key-needed`` or ``room-full``.
    """
    if not room.acts:
        return
    wanted, most = parameter(room, KEY), parameter(room, LIMIT)
    if not (wanted or most) or asker.user.operator or is_invited(asker.user, room, asker.now):
        return
    if wanted and not compare_digest(key.encode(), wanted.encode()):
        raise RequestError(Code.KEY_NEEDED, f"{room.name} has a key; ask its members for it.")
    if most and len(room.members) >= int(most):
        raise RequestError(Code.ROOM_FULL, f"{room.name} has as many members as it may; ask to be invited.")


# ---- what changes it --------------------------------------------------------------------------------


def named(change: str, param: str) -> tuple[str, str]:
    """Return which act a ``change`` is about, and the form of ``param`` in it. Raises `RequestError`."""
    letter = change[1]
    what = MODES[letter]
    if what in {MASK, EXCEPT}:
        mutes = param.startswith(MUTES)
        mask = whole(param.removeprefix(MUTES))
        if not mask:
            raise RequestError(Code.BAD_VALUE, f"{param[:64]} is no mask, such as nick!*@*.")
        if what == MASK:
            return (QUIET, mask) if mutes else (MASK, mask)
        return what, f"{MUTES}{mask}" if mutes else mask
    if what == INVEX:
        mask = whole(param)
        if not mask:
            raise RequestError(Code.BAD_VALUE, f"{param[:64]} is no mask, such as nick!*@*.")
        return what, mask
    if what == UNLISTED:
        return what, "*"
    if what == KEY and change[0] == "+":
        usable = param.isascii() and param.isprintable() and not set(param) & set(" ,:") and param
        if not usable or len(param) > MOST_KEY:
            text = f"A key has 1 to {MOST_KEY} letters, digits and signs, without blanks, commas and colons."
            raise RequestError(Code.BAD_VALUE, text)
    elif what == LIMIT and change[0] == "+" and not (param.isdecimal() and 0 < int(param[:9]) == int(param)):
        raise RequestError(Code.BAD_VALUE, "A limit is a number of members, 1 or more.")
    return what, param


def shown(what: str, whom: str) -> str:
    """Return an act about people as IRC lists it."""
    return f"{MUTES}{whom}" if what == QUIET else whom


def put(room: Room, what: str, whom: str, user: int, by: str) -> PutAct:
    """Return the act that begins."""
    return PutAct(room.log.id, what, whom, user, 0, by, "")


def ended(room: Room, what: str) -> list[DropAct]:
    """Return what drops the acts of a kind in ``room``."""
    return [DropAct(room.log.id, what, whom) for whom in list(masks(room, what))]
