"""Access: what somebody at the other end of the control socket may do, by what the system says of them."""

import os
import pwd
import socket
import struct
from enum import IntEnum
from typing import Final, NamedTuple

_CREDENTIALS: Final = struct.Struct("=iII")
"""struct ucred: process, user, group (socket(7), SO_PEERCRED)."""

_PEER_GROUPS: Final = 59
"""SO_PEERGROUPS (linux/socket.h 4.13), which Python does not name."""

_MAX_GROUPS: Final = 256
"""Groups that are read: as many as Python takes bytes of an option. Whoever has more is looked up."""


class Role(IntEnum):
    """What somebody may do. Each role may do what those below it may."""

    NOBODY = 0
    LOOK = 1
    CHANGE = 2


RIGHTS: Final = {"look": Role.LOOK, "change": Role.CHANGE}
"""The roles by their names in the configuration."""


class Credentials(NamedTuple):
    """A process at the other end of a UNIX socket, when it connected: its user, and all of its groups."""

    process: int
    user: int
    groups: frozenset[int]


def credentials_of(handle: socket.socket) -> Credentials:
    """Return who is at the other end of the UNIX socket ``handle``. Raises `OSError`."""
    process, user, group = _CREDENTIALS.unpack(
        handle.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size)
    )
    return Credentials(process, user, frozenset({group, *_more_groups(handle, user)}))


def _more_groups(handle: socket.socket, user: int) -> list[int]:
    """Return the further groups of the process, or else those that its user has by the system's files."""
    try:
        found = handle.getsockopt(socket.SOL_SOCKET, _PEER_GROUPS, 4 * _MAX_GROUPS)
    except OSError:
        pass
    else:
        return list(struct.unpack(f"={len(found) // 4}I", found))
    try:
        entry = pwd.getpwuid(user)
    except KeyError:
        return []
    return os.getgrouplist(entry.pw_name, entry.pw_gid)


class Access(NamedTuple):
    """Who may do what: the daemon's own user and root everything, ``group`` what ``rights`` says."""

    own: int
    group: int | None = None
    rights: Role = Role.CHANGE

    def role_of(self, who: Credentials) -> Role:
        """Return what ``who`` may do."""
        if who.user in {0, self.own}:
            return Role.CHANGE
        return self.rights if self.group is not None and self.group in who.groups else Role.NOBODY
