"""Where profiles are kept, and whether one knows a place; asked before anything large is imported."""

import os
from collections.abc import Iterable
from contextlib import closing
from pathlib import Path

from chatd.client.core.address import Address, parse_address
from chatd.client.core.problems import ClientError
from chatd.client.core.proxy import Proxy
from chatd.client.profile.database import Database
from chatd.client.profile.origins import origin_of, written
from chatd.disk import is_there
from chatd.home import expand
from chatd.wire.names import stray_joiner, without_joiners


def state_folder() -> Path:
    """Return the folder that holds the profiles: ``$XDG_STATE_HOME/chatd`` or ``~/.local/state/chatd``.

    Raises `ClientError` ``no-home`` for a user without a home folder.
    """
    base = os.environ.get("XDG_STATE_HOME") or "~/.local/state"
    try:
        return expand(base) / "chatd"
    except RuntimeError:
        raise ClientError(
            "no-home",
            "There is no home folder to keep the session in; set HOME or XDG_STATE_HOME, name a folder with"
            " --state, or keep nothing with --ephemeral.",
        ) from None


def profile_path(profile: str, folder: Path | None) -> Path:
    """Return the file of a profile. Raises `ClientError` where there can be none."""
    if not profile or profile.startswith(".") or "/" in profile or not _can_be_seen(profile):
        raise ClientError("bad-profile", f"{profile!r} cannot name a profile; use letters and digits.")
    return (state_folder() if folder is None else folder) / f"{profile}.sqlite"


def _can_be_seen(name: str) -> bool:
    return without_joiners(name).isprintable() and stray_joiner(name) is None


def knows(profile: str | None, folder: Path | None, address: Address, proxy: Proxy | None = None) -> bool:
    """Return whether ``profile`` has a pin or a secret of the server at ``address``, behind ``proxy``.

    Raises `ClientError` where the profile cannot be used.
    """
    return origin_of(address, proxy).text in known_origins(profile, folder)


def known_origins(profile: str | None, folder: Path | None) -> set[str]:
    """Return the origins of which ``profile`` has a pin or a secret.

    Raises `ClientError` where the profile cannot be used.
    """
    if profile is None or not is_there(path := profile_path(profile, folder)):
        return set()
    with closing(Database(path)) as database, database.transaction():
        rows = database.rows("SELECT origin FROM pin UNION SELECT origin FROM slot WHERE token <> ''")
    return {str(origin) for (origin,) in rows}


def remembered(profile: str | None, folder: Path | None, native: Address, web: Address) -> list[Address]:
    """Return which of the two ways to a host ``profile`` knows, the one that was used last first.

    Raises `ClientError` where the profile cannot be used.
    """
    if profile is None or not is_there(path := profile_path(profile, folder)):
        return []
    ways = {origin_of(way).text: way for way in (native, web)}
    with closing(Database(path)) as database, database.transaction():
        rows = database.rows(
            "SELECT address.address, max(address.used) AS used FROM address"
            " JOIN slot ON slot.identity = address.identity AND slot.token <> ''"
            " WHERE address.address IN (?, ?) GROUP BY address.address"
            " UNION ALL SELECT origin, 0 FROM pin WHERE origin IN (?, ?) ORDER BY used DESC",
            *ways,
            *ways,
        )
    return [ways[text] for text in dict.fromkeys(str(text) for text, _ in rows)]


def secured_hosts(origins: Iterable[str]) -> set[str]:
    """Return the hosts of those ``origins`` that are reached by TLS, each as `Address.host_key` has it."""
    places = (parse_address(written(origin)) for origin in origins)
    return {place.host_key for place in places if place.tls}
