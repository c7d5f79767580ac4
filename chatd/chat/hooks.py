"""Hooks: who makes them, and what they post. Handlers as those of `chatd.chat.requests`.

A hook that posts does so as a member of its room under a name of its own, which is an account that nobody
logs in to: so it can be muted, kicked and banned as anybody, and nobody else can have its name. Its posts are
numbered sends of a session of it, each with one effect where it has a key.
"""

# ruff: noqa: ARG001 - the handlers of the table take the same arguments, whatever each of them needs

import hashlib
from typing import Final
from urllib.parse import urlsplit

from chatd.chat import accounts, removing
from chatd.chat.changes.rows import HOOK, PutAllow, PutHook
from chatd.chat.following import follow_everywhere
from chatd.chat.hook import Hook, dropping, of_room
from chatd.chat.names import check_nick
from chatd.chat.permissions import NOBODY
from chatd.chat.rules import Standing
from chatd.chat.state import Peer, Room, Session, User
from chatd.chat.world import World
from chatd.wire import messages as m
from chatd.wire.errors import Code, ProtocolError, RequestError
from chatd.wire.limits import MAX_HOOKS, MAX_ROOM_HOOKS, MAX_URL
from chatd.wire.names import fold

_PORTS: Final = range(1, 65_536)


def digest_of(secret: str) -> bytes:
    """Return what is kept of a secret."""
    return hashlib.sha256(secret.encode()).digest()


def named(world: World, room: Room, name: str) -> Hook | None:
    """Return the hook of ``room`` called ``name``, if there is one."""
    key = fold(name)
    return next(
        (one for one in of_room(world.hooks.values(), room.log.id) if fold(one.row.name) == key), None
    )


def add(world: World, peer: Peer, session: Session, room: Room, request: m.AddHook, now: int) -> m.Ok:
    """Make a hook, and tell its secret, which nobody is told again."""
    name = check_nick(request.name)[0]
    if request.url:
        check_url(request.url)
    if named(world, room, name) is not None:
        raise RequestError(Code.NICK_TAKEN, f"{room.name} has a hook {name} already; drop it first.")
    count = sum(1 for _ in of_room(world.hooks.values(), room.log.id))
    if count >= MAX_ROOM_HOOKS or len(world.hooks) >= MAX_HOOKS:
        most, where = (MAX_ROOM_HOOKS, room.name) if count >= MAX_ROOM_HOOKS else (MAX_HOOKS, "this server")
        raise RequestError(Code.TOO_MANY_HOOKS, f"{most} hooks are the limit in {where}; drop one.")
    seq, user = (None, 0) if request.url else _enter(world, room, name, now)
    secret = world.new_secret()
    world.change(
        PutHook(
            id=max(world.hooks, default=0) + 1,
            room=room.log.id,
            name=name,
            user=user,
            digest=b"" if request.url else digest_of(secret),
            url=request.url,
            secret=secret if request.url else "",
            by=session.user.nick,
            made=now,
            cursor=room.log.last,
        )
    )
    return m.Ok(id=request.id, seq=seq, room=room.name, secret=secret)


def _enter(world: World, room: Room, name: str, now: int) -> tuple[int, int]:
    """Let a user called ``name`` be a member of ``room``; return the event that tells of it, and their id."""
    user = world.nicks.get(check_nick(name)[1])
    if user is None or not _is_free(world, user):
        try:
            user = world.add_user(name)
        except ProtocolError as error:
            raise RequestError(error.code, error.text, suggest=error.suggest) from None
        accounts.make(world, user, "", now)
        accounts.set_flag(world, user, HOOK, on=True)
        world.change(PutAllow(user.id, NOBODY))
    seq = world.post(room, "join", user.nick, now)
    world.add_member(room, user, Standing.MEMBER, seq)
    follow_everywhere(world.batch, room, user, seq)
    return seq, user.id


def _is_free(world: World, user: User) -> bool:
    """Return whether ``user`` was the name of a hook that there is no more."""
    is_hook = user.account is not None and bool(user.account.flags & HOOK) and not user.deleted
    return is_hook and not user.rooms and all(hook.row.user != user.id for hook in world.hooks.values())


def drop(world: World, peer: Peer, session: Session, room: Room, request: m.DropHook, now: int) -> m.Ok:
    """Take a hook back. Whoever posts with its secret is refused from now on."""
    hook = named(world, room, request.name)
    if hook is None:
        raise RequestError(Code.NO_SUCH_HOOK, f"{room.name} has no hook {request.name[:64]}.")
    name = room.name
    for change in dropping(hook):
        world.change(change)
    user = world.users.get(hook.row.user)
    seq = None
    if user is not None:
        if user in room.members:
            seq = removing.leave(world, room, user, now)
        accounts.end_all(world, user)
    return m.Ok(id=request.id, seq=seq, room=name)


def list_hooks(world: World, peer: Peer, session: Session, room: Room, request: m.Hooks, now: int) -> m.Ok:
    """Tell what hooks there are."""
    at = world.calendar.now
    hooks = [told(hook, room, at) for hook in of_room(world.hooks.values(), room.log.id)]
    return m.Ok(id=request.id, room=room.name, hooks=hooks)


def told(hook: Hook, room: Room, at: int) -> m.HookInfo:
    """Return what is told of ``hook`` of ``room`` at ``at``, by the calendar."""
    row = hook.row
    return m.HookInfo(
        name=row.name,
        by=row.by,
        made=row.made,
        url=row.url,
        behind=0 if hook.posts else max(0, room.log.head - row.cursor),
        failing=max(1, (at - row.failing) // 1000) if row.failing else 0,
        trouble=hook.trouble,
        off=bool(row.off),
    )


def check_url(url: str) -> None:
    """Refuse what no event can be sent to. Raises `RequestError` ``bad-value``."""
    text = "A hook is told what is said at an address such as https://example.org/chat; give one"
    try:
        parts = urlsplit(url)
        usable = parts.scheme in {"http", "https"} and bool(parts.hostname) and (parts.port or 1) in _PORTS
    except ValueError:
        usable = False
    if not usable or not url.isascii() or not url.isprintable() or " " in url or len(url) > MAX_URL:
        raise RequestError(Code.BAD_VALUE, f"{text} of {MAX_URL} characters at most.")
    if parts.username is not None or parts.fragment:
        raise RequestError(Code.BAD_VALUE, f"{text} without a user or a #.")


# ---- posting ----------------------------------------------------------------------------------------


def session_of(world: World, hook: Hook) -> Session:
    """Return the session by which ``hook`` posts, which is begun if there is none. Raises `ProtocolError`."""
    user = world.users[hook.row.user]
    return next(iter(user.sessions), None) or world.add_session(user, digest_of(world.new_secret()))


def repeated(hook: Hook, key: bytes) -> m.Ok | None:
    """Return the answer to a post with ``key`` if that was accepted before."""
    known = hook.keys.get(key)
    return None if known is None else m.Ok(id=0, seq=known.seq, ts=known.ts)
