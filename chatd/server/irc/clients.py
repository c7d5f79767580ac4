"""The clients: those that are registered, by their users, and who of them meets whom."""

from typing import TYPE_CHECKING

from chatd.chat.state import Room, User

if TYPE_CHECKING:
    from chatd.server.irc.client import Client


class Clients:
    """The clients of a server, by their users."""

    def __init__(self) -> None:
        self._clients: dict[User, dict[Client, None]] = {}

    def clients_of(self, user: User) -> "list[Client]":
        """Return the clients of ``user``."""
        return list(self._clients.get(user, ()))

    def tell_peers(self, user: User, capability: str, line: bytes, *, own: bool = True) -> int:
        """Say ``line`` to clients with ``capability`` who share a room with ``user``, and to their own.

        Return how many were looked at for that.
        """
        for client in self.peers_of(user):
            if client.has(capability) and (own or client.user is not user):
                client.write(line)
        return self.looked_at(user)

    def looked_at(self, user: User) -> int:
        """Return how many clients, or members, are looked at to find the peers of ``user``."""
        return min(sum(len(room.members) for room in user.rooms), len(self._clients))

    def peers_of(self, user: User) -> "list[Client]":
        """Return the clients of those who share a room with ``user``, and their own.

        Its work is bounded by the clients that there are, in however many rooms they are.
        """
        if self.looked_at(user) < len(self._clients):
            found = dict.fromkeys(self.clients_of(user))
            for room in user.rooms:
                found.update(dict.fromkeys(self.clients_in(room)))
            return list(found)
        rooms = user.rooms.keys()
        peers = [one for one in self._clients if one is user or not rooms.isdisjoint(one.rooms)]
        return [client for one in peers for client in self._clients[one]]

    def all_clients(self) -> "list[Client]":
        """Return the clients that are registered."""
        return [client for clients in self._clients.values() for client in clients]

    def clients_in(self, room: Room) -> "list[Client]":
        """Return the clients of the members of ``room``."""
        if len(room.members) <= len(self._clients):
            users = [member for member in room.members if member in self._clients]
        else:
            users = [user for user in self._clients if user in room.members]
        return [client for user in users for client in self._clients[user]]

    def realname(self, user: User) -> str:
        """Return what ``user`` says of themselves by IRC."""
        return next((client.realname for client in self.clients_of(user)), user.nick)

    def operates(self, user: User) -> bool:
        """Return whether ``user`` is an operator of the server, or has shown the password of one (OPER)."""
        return user.operator or any(client.opered for client in self.clients_of(user))

    def bots(self, user: User) -> bool:
        """Return whether ``user`` is a bot, by what a client of theirs says."""
        return any("B" in client.modes for client in self.clients_of(user))
