"""``/hooks``: posts to a room by a hook's secret. The answer is given when the message is on the disk."""

import hashlib
import hmac
from typing import Any, Final

import msgspec
from twisted.web.http import INTERNAL_SERVER_ERROR, NOT_ALLOWED
from twisted.web.resource import IResource, Resource
from twisted.web.server import NOT_DONE_YET, Request

from chatd.chat import hooks
from chatd.chat.hook import Hook, remembering
from chatd.chat.quota import Lease
from chatd.chat.state import Session
from chatd.server import addresses
from chatd.server.budgets import Action
from chatd.server.http.answers import in_json, refuse
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
    """The body of a post in JSON; what else it has is passed over."""

    text: str


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
            text = _text_of(request)
            self._post(request, hook, key, text)
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
            raise RequestError(Code.NO_SUCH_HOOK, "There is no such hook, or it was taken back.")
        return hook

    def _post(self, request: Request, hook: Hook, key: bytes, text: str) -> None:
        """Hand ``text`` to the hub. Raises `ChatdError` if that cannot be now."""
        server = self._server
        hub, now = server.hub, server.wall()
        if hub.full or server.admission.disk_hangs:
            raise RequestError(
                Code.STORAGE_UNAVAILABLE, "The server's disk is busy; post it again.", retry_after=SOON
            )
        world = hub.world
        session = hooks.session_of(world, hook)
        channel: Any = request.channel
        poster = SilentPeer(channel.peer_host, Answer(server, request, hook).give)
        known = hooks.repeated(hook, key) if key else None
        if known is not None:
            world.batch.answer(poster, known)
            hub.call()
            return
        _afford(server, session, poster.peer_host)
        room = world.rooms_by_id[hook.row.room]
        number = session.last + 1
        hub.decide(poster, session, Send(id=0, room=room.name, text=text, n=number), now)
        if key and session.last == number:
            for change in remembering(hook, key, room.log.last, room.log.ts):
                world.change(change)
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


def _text_of(request: Request) -> str:
    """Return what is to be said. Raises `RequestError` ``bad-message``."""
    content: Any = request.content
    body: bytes = content.read()
    kind = (request.getHeader("content-type") or "").partition(";")[0].strip().lower()
    form = kind == _FORM  # which curl says of whatever it is given
    try:
        if kind == "application/json" or (form and body.startswith(b"{")):
            return msgspec.json.decode(body, type=Said).text
        if form or kind in {"", "text/plain"}:
            return body.decode().removesuffix("\n").removesuffix("\r")
    except (ValueError, RecursionError):
        pass
    raise RequestError(
        Code.BAD_MESSAGE,
        'Post {"text": "…"} as application/json, or the text itself, in UTF-8, as text/plain.',
    )
