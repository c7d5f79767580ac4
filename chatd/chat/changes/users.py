"""Changes of users: nicks, accounts, sessions, invitations to register, whose direct messages they take."""

from sys import intern
from typing import Final

from chatd.chat.changes.inverses import (
    NOTHING,
    Applied,
    Apply,
    DropAccount,
    DropNick,
    RestoreSession,
    RestoreUser,
    Several,
)
from chatd.chat.changes.records import Records
from chatd.chat.changes.rows import (
    DropAllow,
    DropBlock,
    DropCertificate,
    DropCursor,
    DropCursors,
    DropCursorsBelow,
    DropErasure,
    DropInvite,
    DropMetadata,
    DropPlace,
    DropScram,
    DropSession,
    DropStatus,
    DropUser,
    PutAccount,
    PutAllow,
    PutBlock,
    PutCertificate,
    PutCursor,
    PutErasure,
    PutInvite,
    PutMetadata,
    PutNick,
    PutPlace,
    PutScram,
    PutSession,
    PutStatus,
    PutUser,
)
from chatd.chat.permissions import EVERYBODY
from chatd.chat.state import Session, User


def _put_user(records: Records, row: PutUser) -> Applied:
    user = records.users.get(row.id)
    if user is None:
        return _restore_user(records, RestoreUser(User(row.id, row.nick, None), row))
    before = user.row()
    _set_nick(records, user, row)
    return before


def _drop_user(records: Records, row: DropUser) -> Applied:
    user = records.users.pop(row.id)
    before = user.row()
    _set_nick(records, user, before._replace(key=None))
    return RestoreUser(user, before)


def _restore_user(records: Records, change: RestoreUser) -> Applied:
    records.users[change.user.id] = change.user
    _set_nick(records, change.user, change.row)
    return DropUser(change.user.id)


def _set_nick(records: Records, user: User, row: PutUser) -> None:
    twins = records.twins
    if user.key is not None:
        if user.key not in user.kept:
            _free(records, user.key)
        twins.drop(user.key, user)
        twins.drop(user.nick, user)
    user.nick = row.nick
    user.key = row.nick if row.key == row.nick else row.key  # one string, of a hundred thousand
    if row.key is not None:
        _claim(records, row.key, user)
        twins.add(row.key, user)
        twins.add(row.nick, user)


def _claim(records: Records, key: str, user: User) -> None:
    if key not in records.nicks:
        records.nick_order.add(key)
    records.nicks[key] = user


def _free(records: Records, key: str) -> None:
    del records.nicks[key]
    records.nick_order.drop(key)


def _put_account(records: Records, row: PutAccount) -> Applied:
    user = records.users[row.user]
    before, user.account = user.account, row
    return DropAccount(row.user) if before is None else before


def _drop_account(records: Records, row: DropAccount) -> Applied:
    user = records.users[row.user]
    before, user.account = user.account, None
    return NOTHING if before is None else before


def _put_nick(records: Records, row: PutNick) -> Applied:
    user = records.users[row.user]
    if row.key in user.kept:
        return _set_shown(records, user, row)
    key = user.key if row.key == user.key else row.key
    user.kept[key] = row.since
    _claim(records, key, user)
    records.twins.add(key, user)
    if row.shown:
        _set_shown(records, user, row)
    return DropNick(row.key)


def _set_shown(records: Records, user: User, row: PutNick) -> PutNick:
    before = user.shown.pop(row.key, "") if user.has("shown") else ""
    if before:
        records.twins.drop(before, user)
    if row.shown:
        user.shown[row.key] = row.shown
        records.twins.add(row.shown, user)
    return row._replace(shown=before)


def _drop_nick(records: Records, row: DropNick) -> Applied:
    user = records.nicks[row.key]
    before = _set_shown(records, user, PutNick(row.key, user.id))
    since = user.kept.pop(row.key)
    records.twins.drop(row.key, user)
    if user.key != row.key:
        _free(records, row.key)
    return before._replace(since=since)


def _put_invite(records: Records, row: PutInvite) -> Applied:
    before = records.invites.get(row.digest)
    records.invites[row.digest] = row
    records.invites_by.setdefault(row.by, {})[row.digest] = None
    return DropInvite(row.digest) if before is None else before


def _drop_invite(records: Records, row: DropInvite) -> Applied:
    before = records.invites.pop(row.digest)
    mine = records.invites_by[before.by]
    del mine[before.digest]
    if not mine:
        del records.invites_by[before.by]
    return before


def _put_certificate(records: Records, row: PutCertificate) -> Applied:
    known = records.users[row.user].certificates
    before = known.get(row.fingerprint)
    known[row.fingerprint] = row if before is None else before._replace(name=row.name)
    return DropCertificate(row.user, row.fingerprint) if before is None else before


def _drop_certificate(records: Records, row: DropCertificate) -> Applied:
    return records.users[row.user].certificates.pop(row.fingerprint)


def _put_scram(records: Records, row: PutScram) -> Applied:
    before = records.scrams.get(row.user)
    records.scrams[row.user] = row.verifier
    return DropScram(row.user) if before is None else PutScram(row.user, before)


def _drop_scram(records: Records, row: DropScram) -> Applied:
    return PutScram(row.user, records.scrams.pop(row.user))


def _put_metadata(records: Records, row: PutMetadata) -> Applied:
    known = records.metadata.setdefault(row.owner, {})
    before = known.get(row.key)
    known[row.key] = row.value
    return DropMetadata(row.owner, row.key) if before is None else row._replace(value=before)


def _drop_metadata(records: Records, row: DropMetadata) -> Applied:
    known = records.metadata[row.owner]
    value = known.pop(row.key)
    if not known:
        del records.metadata[row.owner]
    return PutMetadata(row.owner, row.key, value)


def _put_erasure(records: Records, row: PutErasure) -> Applied:
    before = records.erasures.pop(row.user, None)
    records.erasures[row.user] = row
    return DropErasure(row.user) if before is None else before


def _drop_erasure(records: Records, row: DropErasure) -> Applied:
    return records.erasures.pop(row.user)


def _put_place(records: Records, row: PutPlace) -> Applied:
    places = records.users[row.user].places
    before = places.pop(row.network, None)
    places[row.network] = row.at
    return DropPlace(row.user, row.network) if before is None else row._replace(at=before)


def _drop_place(records: Records, row: DropPlace) -> Applied:
    return PutPlace(row.user, row.network, records.users[row.user].places.pop(row.network))


def _put_session(records: Records, row: PutSession) -> Applied:
    """Put a session; of one that is there, `last` is not changed by this."""
    session = records.sessions.get(row.digest)
    if session is None:
        user = records.users[row.user]
        software = intern(row.software)
        session = Session(row.id, user, row.digest, row.last, row.seen, row.address, software, row.label)
        return _restore_session(records, RestoreSession(session))
    before = session.row()
    session.seen, session.address, session.software = row.seen, row.address, row.software
    session.label = row.label
    return before


def _drop_session(records: Records, row: DropSession) -> Applied:
    session = records.sessions_by_id.pop(row.id)
    del records.sessions[session.digest]
    session.user.sessions.discard(session)
    return RestoreSession(session)


def _restore_session(records: Records, change: RestoreSession) -> Applied:
    session = change.session
    records.sessions[session.digest] = records.sessions_by_id[session.id] = session
    session.user.sessions.add(session)
    return DropSession(session.id)


def _put_cursor(records: Records, row: PutCursor) -> Applied:
    session = records.sessions_by_id.get(row.session)
    if session is None:
        return NOTHING
    before = session.cursors.get(row.room)
    session.cursors[row.room] = row.seq
    return DropCursor(row.session, row.room) if before is None else row._replace(seq=before)


def _drop_cursor(records: Records, row: DropCursor) -> Applied:
    before = records.sessions_by_id[row.session].cursors.pop(row.room)
    return PutCursor(row.session, row.room, before)


def _drop_cursors(records: Records, row: DropCursors) -> Applied:
    session = records.sessions_by_id[row.session]
    before, session.cursors = session.cursors, {}
    return Several(tuple(PutCursor(row.session, room, seq) for room, seq in before.items()))


def _drop_cursors_below(records: Records, row: DropCursorsBelow) -> Applied:
    """Nothing: no room gets the id of another one while the daemon runs."""
    del records, row
    return NOTHING


def _put_block(records: Records, row: PutBlock) -> Applied:
    blocked = records.users[row.user].blocked
    if row.whom in blocked:
        return NOTHING
    blocked.add(row.whom)
    return DropBlock(*row)


def _drop_block(records: Records, row: DropBlock) -> Applied:
    records.users[row.user].blocked.discard(row.whom)
    return PutBlock(*row)


def _put_allow(records: Records, row: PutAllow) -> Applied:
    user = records.users[row.user]
    before, user.allow = user.allow, row.direct
    return DropAllow(row.user) if before == EVERYBODY else PutAllow(row.user, before)


def _drop_allow(records: Records, row: DropAllow) -> Applied:
    user = records.users[row.user]
    before, user.allow = user.allow, EVERYBODY
    return PutAllow(row.user, before)


def _put_status(records: Records, row: PutStatus) -> Applied:
    return records.statuses.put(row) or DropStatus(row.user)


def _drop_status(records: Records, row: DropStatus) -> Applied:
    return records.statuses.drop(row.user) or NOTHING


USERS: Final[dict[type[Applied], Apply]] = {
    PutUser: _put_user,
    DropUser: _drop_user,
    RestoreUser: _restore_user,
    PutAccount: _put_account,
    DropAccount: _drop_account,
    PutNick: _put_nick,
    DropNick: _drop_nick,
    PutInvite: _put_invite,
    DropInvite: _drop_invite,
    PutCertificate: _put_certificate,
    DropCertificate: _drop_certificate,
    PutScram: _put_scram,
    DropScram: _drop_scram,
    PutMetadata: _put_metadata,
    DropMetadata: _drop_metadata,
    PutErasure: _put_erasure,
    DropErasure: _drop_erasure,
    PutPlace: _put_place,
    DropPlace: _drop_place,
    PutSession: _put_session,
    DropSession: _drop_session,
    RestoreSession: _restore_session,
    PutCursor: _put_cursor,
    DropCursor: _drop_cursor,
    DropCursors: _drop_cursors,
    DropCursorsBelow: _drop_cursors_below,
    PutBlock: _put_block,
    DropBlock: _drop_block,
    PutAllow: _put_allow,
    DropAllow: _drop_allow,
    PutStatus: _put_status,
    DropStatus: _drop_status,
}
"""What makes each of these changes."""
