"""The requests about accounts and sessions: handlers as those of `chatd.chat.requests`.

What costs the hashing of a password is done before a request comes here: see `chatd.chat.prepared`.
"""

# ruff: noqa: ARG001 - the handlers of the table take the same arguments, whatever each of them needs

import heapq

from chatd.chat import accounts, arrival, invitations
from chatd.chat.accounts import check_account
from chatd.chat.prepared import CodedInvite, HashedPasswd, HashedRegister
from chatd.chat.registering import WRONG, register_guest
from chatd.chat.state import Peer, Session
from chatd.chat.world import World
from chatd.wire import messages as m
from chatd.wire.errors import CloseReason, Code, RequestError
from chatd.wire.limits import SESSIONS_PER_MESSAGE

_SECOND = 1000
"""Milliseconds in a second."""

_NOT_ENDED = "The server cannot write to its disk now, so that the session is not ended; try again later."


def not_prepared(world: World, peer: Peer, session: Session, _: None, request: m.Request, now: int) -> m.Ok:
    """Refuse what needs a secret on a kind of connection that does not prepare it."""
    raise RequestError(Code.UNSUPPORTED, "Passwords are not taken over this kind of connection.")


def register(world: World, peer: Peer, session: Session, _: None, request: HashedRegister, now: int) -> m.Ok:
    """Make an account of a guest."""
    register_guest(world, session.user, request.encoded, request.invite, now, request.scram)
    return m.Ok(id=request.id)


def passwd(world: World, peer: Peer, session: Session, _: None, request: HashedPasswd, now: int) -> m.Ok:
    """Give an account another password, unless it has got one since the old one was checked."""
    check_account(session.user)
    account = session.user.account
    if account is None or account.password != request.verified:
        raise RequestError(Code.WRONG_PASSWORD, WRONG)
    accounts.set_password(world, session.user, request.encoded, request.scram)
    return m.Ok(id=request.id)


def invite(world: World, peer: Peer, session: Session, _: None, request: CodedInvite, now: int) -> m.Ok:
    """Make an invitation."""
    check_account(session.user)
    if world.terms.registration != "invite" and not session.user.operator:
        raise RequestError(Code.NOT_ALLOWED, "This server does not take invitations from its users.")
    invitations.invite(world, session.user, request.code, request.uses, request.days)
    return m.Ok(id=request.id, invite=request.code)


def sessions(world: World, peer: Peer, session: Session, _: None, request: m.Sessions, now: int) -> m.Ok:
    """List the sessions of a user."""
    newest = heapq.nlargest(
        SESSIONS_PER_MESSAGE,
        session.user.sessions,
        key=lambda one: (one is session, one.peer is not None, one.seen),
    )
    rows = [
        m.SessionInfo(
            session=one.id,
            software=one.software,
            label=one.label,
            address=one.address,
            ago=0 if one.peer is not None else max(0, world.calendar.now - one.seen) // _SECOND,
            online=one.peer is not None,
            here=one is session,
        )
        for one in newest
    ]
    return m.Ok(id=request.id, sessions=rows)


def end(world: World, peer: Peer, session: Session, _: None, request: m.End, now: int) -> m.Ok:
    """End another session of the same user."""
    ended = world.sessions_by_id.get(request.session)
    if ended is None or ended.user is not session.user:
        raise RequestError(
            Code.NO_SUCH_SESSION, f"You have no session {request.session}; look at the list of your sessions."
        )
    if ended is session:
        raise RequestError(Code.NOT_ALLOWED, "This is the session that asks; log out to end it.")
    end_session(world, ended, now)
    return m.Ok(id=request.id)


def logout(world: World, peer: Peer, session: Session, _: None, request: m.Logout, now: int) -> None:
    """End the session that asks, and all others of its user if they are to go as well.

    The connection is told once that is durable, and ends. It is of no session from now on, so that nothing
    more can be asked on it.
    """
    batch = world.batch
    others = [other for other in session.user.sessions if other is not session]
    for other in others if request.everywhere else ():
        end_session(world, other, now)
    arrival.depart(world, peer, now)
    if session.digest in world.sessions:
        arrival.end_session(world, session, now)

    def part() -> list[m.Message]:
        failed = m.Error(id=request.id, code=Code.STORAGE_UNAVAILABLE, text=_NOT_ENDED)
        return [failed if batch.undone else m.Ok(id=request.id), m.Goodbye()]

    batch.tell(peer, part)


def end_session(world: World, session: Session, now: int, why: str = "") -> None:
    """End ``session`` for good, with its connection, which is told ``why``."""
    peer = session.peer
    if peer is not None:
        world.batch.forget(peer)
        arrival.depart(world, peer, now)
        peer.close(CloseReason.ENDED, why)
    if session.digest in world.sessions:
        arrival.end_session(world, session, now)
