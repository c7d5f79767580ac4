"""What passwords of accounts are verified by over SCRAM, beside their hashes: `chatd.wire.scram`.

It is there for as long as the password is, and only where the configuration has it. Of a nick that is no
account's, or of an account that has none, something is shown that is of no password: with the same salt from
the first question to the last, whether there comes to be an account meanwhile or not.
"""

import hmac
from itertools import islice
from typing import Final

from chatd.chat.changes.rows import DropScram, PutScram
from chatd.chat.names import check_nick
from chatd.chat.state import User
from chatd.chat.world import World
from chatd.wire import scram
from chatd.wire.errors import RequestError
from chatd.wire.names import fold
from chatd.wire.scram import ITERATIONS, SALT, Verifier

AT_ONCE: Final = 500
"""What is forgotten in one turn: some milliseconds of work."""


def keep(world: World, user: User, verifier: str) -> None:
    """Have the password of ``user`` verified by ``verifier`` from now on; by nothing if that is nothing."""
    if verifier and world.terms.scram:
        world.change(PutScram(user.id, verifier))
    elif user.id in world.scrams:
        world.change(DropScram(user.id))


def lacks(world: World, user: User) -> bool:
    """Return whether the password of ``user`` is to be verified by SCRAM and cannot be, or by an old form."""
    if not world.terms.scram:
        return False
    known = scram.read(world.scrams.get(user.id, ""))
    return known is None or known.iterations != ITERATIONS


def salt_of(world: World, nick: str) -> bytes:
    """Return the salt of a password of the account ``nick``, whether there is one or not."""
    return _secret(world, "salt", nick)[:SALT]


def new_salt(world: World, nick: str) -> bytes:
    """Return the salt of a new password of ``nick``; nothing where none is verified by SCRAM."""
    return salt_of(world, nick) if world.terms.scram else b""


def shown(world: World, nick: str) -> Verifier:
    """Return what a password of the account ``nick`` is verified by, or what verifies none."""
    user = world.nicks.get(_key(nick))
    if user is not None and user.account is not None and not user.disabled and world.terms.scram:
        known = scram.read(world.scrams.get(user.id, ""))
        if known is not None:
            return known
    stored, server = _secret(world, "stored", nick), _secret(world, "server", nick)
    return Verifier(ITERATIONS, salt_of(world, nick), stored, server)


def forget_some(world: World) -> bool:
    """Forget some of what passwords are verified by, where the configuration has none; say if any was."""
    some = [] if world.terms.scram else list(islice(world.scrams, AT_ONCE))
    for user in some:
        world.change(DropScram(user))
    return bool(some)


def _secret(world: World, what: str, nick: str) -> bytes:
    return hmac.digest(world.salts.encode(), f"{what} {_key(nick)}".encode(), "sha256")


def _key(nick: str) -> str:
    try:
        return check_nick(nick)[1]
    except RequestError:
        return fold(nick)
