"""What is loaded at once is the same as if each row had been applied by itself."""

from hypothesis import given
from hypothesis import strategies as st

from chatd.chat.changes.applying import apply, load
from chatd.chat.changes.inverses import DropNick
from chatd.chat.changes.loading import LOAD
from chatd.chat.changes.records import Records
from chatd.chat.changes.rows import PutAccount, PutNick, PutSession, PutUser
from chatd.chat.storage import Snapshot

USERS = st.integers(1, 6)
NAMES = st.sampled_from(["ann", "Ann", "mary", "rnary", "b0b", "bob", "I", "l", "ärger", "\u0430nn"])
NICKS = st.lists(
    st.builds(PutNick, NAMES, USERS, st.sampled_from(["", "", "Shown", "sh0wn"]), st.integers(0, 9)),
    max_size=8,
    unique_by=lambda row: row.key,
)
SESSIONS = st.lists(
    st.builds(
        PutSession,
        st.integers(1, 99),
        USERS,
        st.binary(min_size=1, max_size=2),
        st.integers(0, 9),
        st.integers(0, 9),
        st.sampled_from(["", "10.0.0.1"]),
        st.sampled_from(["", "chatc/1"]),
        st.sampled_from(["", "phone"]),
    ),
    max_size=8,
    unique_by=(lambda row: row.id, lambda row: row.digest),
)


@st.composite
def rows(draw):
    """Return rows of some users, as a store holds them: each id, key and digest once."""
    keys = draw(
        st.lists(st.one_of(st.none(), NAMES), min_size=6, max_size=6, unique_by=lambda key: key or object())
    )
    users = [
        PutUser(number, draw(NAMES) if draw(st.booleans()) else key or "gone", key)
        for number, key in enumerate(keys, 1)
    ]
    accounts = [PutAccount(number, flags=number) for number in sorted(draw(st.sets(USERS)))]
    return {PutUser: users, PutAccount: accounts, PutNick: draw(NICKS), PutSession: draw(SESSIONS)}


def known(records):
    """Return all that these rows say, in plain values."""
    users = {
        number: (
            user.row(),
            user.account,
            user.kept,
            user.shown,
            [session.row() for session in user.sessions],
        )
        for number, user in records.users.items()
    }
    twins = {
        name: sorted(user.id for user in records.users.values() for _ in range(_times(records, name, user)))
        for name in ["ann", "mary", "bob", "l", "ärger", "shown", "gone"]
    }
    sessions = {digest: session.id for digest, session in records.sessions.items()}
    by_number = {number: session.digest for number, session in records.sessions_by_id.items()}
    nicks = {key: user.id for key, user in records.nicks.items()}
    return users, twins, sessions, by_number, nicks, list(records.nick_order.behind(""))


def _times(records, name, user):
    return records.twins._holders.get(name, ()).count(user)


@given(rows())
def test_what_is_loaded_at_once_is_what_each_row_says(given_rows):
    at_once, one_by_one = Records(), Records()
    load(at_once, Snapshot("s", [], dict(given_rows)))
    for kind in LOAD:
        for row in given_rows[kind]:
            apply(one_by_one, row)
    one_by_one.nick_order.sort()
    assert known(at_once) == known(one_by_one)
    for row in given_rows[PutNick]:  # what is loaded can be taken back
        for records in (at_once, one_by_one):
            apply(records, DropNick(row.key))
    assert known(at_once) == known(one_by_one)


def test_names_that_are_the_same_are_kept_once():
    """They come from different tables, as different objects."""
    names = [bytes.decode(b"anna") for _ in range(3)]
    records = Records()
    load(records, Snapshot("s", [], {PutUser: [PutUser(1, *names[:2])], PutNick: [PutNick(names[2], 1)]}))
    user = records.users[1]
    assert user.key is user.nick is next(iter(user.kept)) is next(iter(records.nicks))
