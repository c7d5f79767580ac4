"""Groups of the system, by their names in the configuration."""

import grp


def group_id(name: str) -> int:
    """Return the number of the group ``name``, which may be the number itself. Raises `KeyError`."""
    return int(name) if name.isdecimal() else grp.getgrnam(name).gr_gid
