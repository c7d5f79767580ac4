"""``/hooks``: posts to a room by a hook's secret. The answer is given when the message is on the disk."""

import hashlib
import hmac
from functools import partial
from typing import Annotated, Any, Final

import msgspec
from twisted.web.http import INTERNAL_SERVER_ERROR, NOT_ALLOWED
from twisted.web.resource import IResource, Resource
from twisted.web.server import NOT_DONE_YET, Request

from chatd.chat import hooks
from chatd.chat.facts import Facts
from chatd.chat.hook import Hook, remembering
from chatd.chat.quota import Lease
from chatd.chat.state import Session
from chatd.server import addresses
from chatd.server.budgets import Action
from chatd.server.http.answers import in_json, refuse
from chatd.server.reads import UNREADABLE
from chatd.server.server import Server
from chatd.server.silent_peer import SilentPeer
from chatd.wire.errors import ChatdError, Code, RequestError
from chatd.wire.limits import MAX_HOOK_KEY
from chatd.wire.messages import Error, Ok, Send

SOON: Final = 1.0
"""Seconds after which a post is to be repeated while the disk is busy."""

_FORM: Final = "application/x-www-form-urlencoded"
_BEARER: Final = "Bearer "


class Said(msgspec.Struct):
    """The body of a post in JSON; what else it has is passed over.

    With ``reply_to`` it replies to the event of that number in the room.
    """

    text: str
    reply_to: Annotated[int, msgspec.Meta(ge=0)] = 0


class Hooks(Resource):
    """All hooks of ``server`` that post: ``/hooks/SECRET``, or ``/hooks`` with the secret in a header."""

    def __init__(self, server: Server) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._server = server

    def getChild(self, path: bytes, request: Request) -> IResource:
        """Return the hook that the secret ``path`` stands for."""
        return Post(self._server, path.decode("ascii", "replace") if not request.postpath else "")

    def render(self, request: Request) -> bytes | int:
        """Answer, with the secret that a header has."""
        header = request.getHeader("authorization") or ""
        secret = header.removeprefix(_BEARER) if header.startswith(_BEARER) else ""
        return Post(self._server, secret).render(request)


class Post(Resource):
    """One hook, if ``secret`` is that of one."""

    isLeaf = True

    def __init__(self, server: Server, secret: str) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._server = server
        self._secret = secret

    def render(self, request: Request) -> bytes | int:
        """Post what ``request`` brings; the answer follows the commit."""
        if request.method != b"POST":
            request.setHeader(b"allow", b"POST")
            body = refuse(request, RequestError(Code.UNSUPPORTED, "A hook is posted to; use POST."))
            request.setResponseCode(NOT_ALLOWED)
            return body
        try:
            hook = self._find(request)
            key = _key_of(request)
            self._post(request, hook, key, _said_in(request))
        except ChatdError as error:
            self._server.counters.hook_posts[error.code] += 1
            return refuse(request, error)
        return NOT_DONE_YET

    def _find(self, request: Request) -> Hook:
        """Return the hook. Raises `ChatdError`; whoever guesses is slowed down as at a login."""
        server = self._server
        channel: Any = request.channel
        host: str = channel.peer_host
        if not (channel.listener.rules.secure or addresses.is_local(host)):
            raise RequestError(
                Code.SECURE_REQUIRED, "Secrets are not taken in plain text; post to https://…, by TLS."
            )
        if not self._secret:
            raise RequestError(Code.ACCOUNT_NEEDED, "Post to /hooks/SECRET, with the secret of a hook.")
        digest = hooks.digest_of(self._secret)
        hook = server.hub.world.hooks_by_digest.get(digest)
        if hook is None or not hmac.compare_digest(hook.row.digest, digest):
            server.spend(Action.FAILURE, host)
            raise _no_such_hook()
        return hook

    def _post(self, request: Request, hook: Hook, key: bytes, said: Said) -> None:
        """Have ``said`` said, once what it replies to was read. Raises `ChatdError` if that cannot be now."""
        server = self._server
        channel: Any = request.channel
        poster = SilentPeer(channel.peer_host, Answer(server, request, hook).give)
        if self._answer_again(hook, key, poster):
            return
        session = hooks.session_of(server.hub.world, hook)
        _afford(server, session, poster.peer_host)
        log = server.hub.world.rooms_by_id[hook.row.room].log
        if not 0 < said.reply_to <= log.head:  # what is not there is refused by whoever decides
            self._say(hook, key, said, poster, None)
            return
        found = partial(self._found, hook, key, said, poster)
        server.reads.facts(log, said.reply_to, session.user.id, False, found)

    def _found(self, hook: Hook, key: bytes, said: Said, poster: SilentPeer, facts: Facts | None) -> None:
        """Have ``said`` said with the ``facts`` about what it replies to, None if they cannot be read."""
        try:
            self._check_still(hook, facts)
            if not self._answer_again(hook, key, poster):
                self._say(hook, key, said, poster, facts)
        except ChatdError as error:
            poster.reply([Error(code=error.code, text=error.text, retry_after=error.retry_after)], 1)
        except Exception:  # noqa: BLE001 - a fault costs this post alone and is logged (P8)
            poster.fault()

    def _check_still(self, hook: Hook, facts: Facts | None) -> None:
        """Raise `RequestError` if ``facts`` could not be read, or ``hook`` was taken back meanwhile."""
        if facts is None:
            raise RequestError(Code.STORAGE_UNAVAILABLE, UNREADABLE, retry_after=SOON)
        if self._server.hub.world.hooks.get(hook.row.id) is not hook:
            raise _no_such_hook()

    def _answer_again(self, hook: Hook, key: bytes, poster: SilentPeer) -> bool:
        """Return whether that was accepted before, and is answered again. Raises `RequestError`."""
        server, hub = self._server, self._server.hub
        if hub.full or server.admission.disk_hangs:
            raise RequestError(
                Code.STORAGE_UNAVAILABLE, "The server's disk is busy; post it again.", retry_after=SOON
            )
        known = hooks.repeated(hook, key) if key else None
        if known is not None:
            hub.world.batch.answer(poster, known)
            hub.call()
        return known is not None

    def _say(self, hook: Hook, key: bytes, said: Said, poster: SilentPeer, facts: Facts | None) -> None:
        """Hand it to the hub."""
        hub, now = self._server.hub, self._server.wall()
        session, room = hooks.session_of(hub.world, hook), hub.world.rooms_by_id[hook.row.room]
        number = session.last + 1
        send = Send(id=0, room=room.name, text=said.text, n=number, ref=said.reply_to)
        if facts is None:
            hub.decide(poster, session, send, now)
        else:
            hub.decide_found(poster, session, send, facts, now)
        if key and session.last == number:
            for change in remembering(hook, key, room.log.last, room.log.ts):
                hub.world.change(change)
        hub.call()


class Answer:
    """The answer to ``request``, which posts by ``hook``."""

    def __init__(self, server: Server, request: Request, hook: Hook) -> None:
        self._server = server
        self._request = request
        self._hook = hook

    def give(self, message: Any) -> None:
        """Tell what ``message`` says, or that it went wrong, unless the one who posted has gone."""
        if message is None:
            self._request.setResponseCode(INTERNAL_SERVER_ERROR)
            self._finish(b"")
            return
        counts = self._server.counters.hook_posts
        if isinstance(message, Error):
            counts[message.code] += 1
            error = RequestError(Code(message.code), message.text, retry_after=message.retry_after)
            self._finish(refuse(self._request, error))
            return
        ok: Ok = message
        counts["accepted"] += 1
        room = self._server.hub.world.rooms_by_id.get(self._hook.row.room)
        said = {"room": "" if room is None else room.name, "seq": ok.seq, "ts": ok.ts}
        self._finish(in_json(self._request, msgspec.json.encode(said) + b"\n"))

    def _finish(self, body: bytes) -> None:
        request = self._request
        if request._disconnected or request.finished:  # noqa: SLF001 - there is no public way to ask
            return
        request.setHeader(b"content-length", b"%d" % len(body))
        request.write(body)
        request.finish()


def _no_such_hook() -> RequestError:
    return RequestError(Code.NO_SUCH_HOOK, "There is no such hook, or it was taken back.")


def _afford(server: Server, session: Session, host: str) -> None:
    """Refuse a post beyond what a sender may. Raises `RequestError` ``too-fast``."""
    allowance = server.allowance(session, host)
    if allowance.left <= 0:
        wait = allowance.wait(server.clock.seconds())
        if wait and isinstance(allowance, Lease):
            raise RequestError(
                Code.TOO_FAST,
                "That is more than a hook may post (requests_per_second); post it again later.",
                retry_after=round(wait, 3),
            )
    allowance.left -= 1


def _key_of(request: Request) -> bytes:
    """Return the digest of the key that makes a post have one effect, or nothing. Raises `RequestError`."""
    key = request.getHeader("idempotency-key") or ""
    if len(key) > MAX_HOOK_KEY:
        raise RequestError(
            Code.BAD_VALUE, f"An Idempotency-Key has {MAX_HOOK_KEY} characters at most; take a shorter one."
        )
    return hashlib.sha256(key.encode()).digest()[:16] if key else b""


def _said_in(request: Request) -> Said:
    """Return what is to be said. Raises `RequestError` ``bad-message``."""
    content: Any = request.content
    body: bytes = content.read()
    kind = (request.getHeader("content-type") or "").partition(";")[0].strip().lower()
    form = kind == _FORM  # which curl says of whatever it is given
    try:
        if kind == "application/json" or (form and body.startswith(b"{")):
            return msgspec.json.decode(body, type=Said)
        if form or kind in {"", "text/plain"}:
            return Said(body.decode().removesuffix("\n").removesuffix("\r"))
    except (ValueError, RecursionError):
        pass
    raise RequestError(
        Code.BAD_MESSAGE,
        'Post {"text": "…"}, maybe with "reply_to": NUMBER, as application/json, or the text itself,'
        " in UTF-8, as text/plain.",
    )
