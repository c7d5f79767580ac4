"""Pins: servers that a person knows by the fingerprint of their key, whoever signed its certificate.

A pin is kept in the profile, for one origin: another port, another name or another way there has a pin of its
own.
"""

from contextlib import closing

from chatd.client.profile import places
from chatd.client.profile.database import Database
from chatd.client.profile.origins import Origin, origin_of
from chatd.client.profile.places import profile_path
from chatd.client.values import Options
from chatd.disk import is_there

FORGET = "none"
"""What people write to have no pin any more."""


def agreed(options: Options) -> str:
    """Return the fingerprint that the server's key must have, "" if its certificate has to be verified.

    What the options name is kept for the next run. Raises `ClientError` where the profile cannot be used.
    """
    if not options.server.tls or options.ca is not None:
        return ""
    named = options.fingerprint
    if options.profile is None:
        return "" if named in {None, FORGET} else str(named)
    origin = origin_of(options.server, options.proxy)
    path = profile_path(options.profile, options.folder)
    if named is None and not is_there(path):
        return ""
    with closing(Database(path)) as database, database.transaction():
        if named is not None:
            _keep(database, origin, "" if named == FORGET else named)
        rows = database.rows("SELECT fingerprint FROM pin WHERE origin = ?", origin.text)
    return str(rows[0][0]) if rows else ""


def knows(options: Options) -> bool:
    """Return whether the profile has a pin or a secret of the server already.

    Raises `ClientError` where the profile cannot be used.
    """
    return places.knows(options.profile, options.folder, options.server, options.proxy)


def _keep(database: Database, origin: Origin, fingerprint: str) -> None:
    database.rows("DELETE FROM pin WHERE origin = ?", origin.text)
    if fingerprint:
        database.rows("INSERT INTO pin VALUES (?, ?)", origin.text, fingerprint)
