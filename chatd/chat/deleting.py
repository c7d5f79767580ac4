"""Deleting: an account ends for good, by its own person's wish or the operator's."""

from typing import Final

from chatd.chat import accounts, arrival, erasures
from chatd.chat.account_requests import end_session
from chatd.chat.accounts import check_account
from chatd.chat.prepared import ProvenDeleteAccount
from chatd.chat.registering import WRONG
from chatd.chat.state import Peer, Session, User
from chatd.chat.world import World
from chatd.wire import messages as m
from chatd.wire.errors import Code, RequestError

DELETED: Final = "The account is deleted."
"""What the goodbye says to its other devices."""

_NOT_DELETED = "The server cannot write to its disk now, so that the account is not deleted; try again later."


def check_deletable(world: World, user: User) -> None:
    """Refuse to let ``user`` delete the account: a guest has none, and the last operator has to stay.

    Who is at the control socket may delete that one too. Raises `RequestError` ``account-needed`` or
    ``not-allowed``.
    """
    check_account(user)
    others = (other for other in world.users.values() if other is not user)
    if user.operator and not any(other.operator and not other.disabled for other in others):
        raise RequestError(
            Code.NOT_ALLOWED,
            f"{user.nick} is the only operator of this server; let somebody else become one first.",
        )


def delete(world: World, user: User, now: int, *, erase: bool) -> None:
    """Delete the account of ``user`` with its sessions; with ``erase`` all that it has said goes as well.

    ``now`` is in milliseconds since 1970.
    """
    if erase:
        erasures.begin(world, user)
    for session in list(user.sessions):
        end_session(world, session, now, DELETED)
    accounts.delete(world, user, now)
    world.batch.deleted.append(user)


def delete_own(
    world: World, peer: Peer, session: Session, _: None, request: ProvenDeleteAccount, now: int
) -> None:
    """Delete the account of who asks, unless its password has changed since it was checked.

    The connection is told once that is durable, and ends, as after a logout.
    """
    user = session.user
    check_deletable(world, user)
    if user.account is None or user.account.password != request.verified:
        raise RequestError(Code.WRONG_PASSWORD, WRONG)
    batch = world.batch
    arrival.depart(world, peer, now)
    delete(world, user, now, erase=request.erase)

    def part() -> list[m.Message]:
        failed = m.Error(id=request.id, code=Code.STORAGE_UNAVAILABLE, text=_NOT_DELETED)
        return [failed if batch.undone else m.Ok(id=request.id), m.Goodbye()]

    batch.tell(peer, part)
