"""Loading of what there is most of: as if each row were applied to nothing, without what takes it back."""

from collections.abc import Callable, Iterable
from sys import intern
from typing import Any, Final

from chatd.chat.changes.records import Records
from chatd.chat.changes.rows import PutAccount, PutNick, PutSession, PutUser
from chatd.chat.few import Few
from chatd.chat.state import Session, User


def _load_users(records: Records, rows: Iterable[PutUser]) -> None:
    users, nicks, order, twins = records.users, records.nicks, records.nick_order, records.twins
    for number, nick, stored in rows:
        key = nick if stored == nick else stored  # one string, of a hundred thousand
        users[number] = user = User(number, nick, key)
        if key is None:
            continue
        if key not in nicks:
            order.add(key)
        nicks[key] = user
        if key is nick:
            twins.add(key, user, 2)
        else:
            twins.add(key, user)
            twins.add(nick, user)


def _load_accounts(records: Records, rows: Iterable[PutAccount]) -> None:
    users = records.users
    for row in rows:
        users[row.user].account = row


def _load_nicks(records: Records, rows: Iterable[PutNick]) -> None:
    users, nicks, order, twins = records.users, records.nicks, records.nick_order, records.twins
    kept: dict[int, dict[str, int]] = {}
    for stored, number, shown, since in rows:
        user = users[number]
        own = user.key
        key = own if own is not None and stored == own else stored
        mine = kept.get(number)
        if mine is None:
            kept[number] = user.kept = {key: since}
        else:
            mine[key] = since
        if key not in nicks:
            order.add(key)
        nicks[key] = user
        twins.add(key, user)
        if shown:
            user.shown[stored] = shown
            twins.add(shown, user)


def _load_sessions(records: Records, rows: Iterable[PutSession]) -> None:
    users, sessions, by_number = records.users, records.sessions, records.sessions_by_id
    held: dict[int, Few[Session]] = {}
    for number, whose, digest, last, seen, address, software, label in rows:
        user = users[whose]
        session = Session(number, user, digest, last, seen, address, intern(software), label)
        sessions[digest] = by_number[number] = session
        mine = held.get(whose)
        if mine is None:
            held[whose] = user.sessions = Few((session,))
        else:
            mine.append(session)


LOAD: Final[dict[type[Any], Callable[[Records, Iterable[Any]], None]]] = {
    PutUser: _load_users,
    PutAccount: _load_accounts,
    PutNick: _load_nicks,
    PutSession: _load_sessions,
}
"""What loads all rows of a kind."""
