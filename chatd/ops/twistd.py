"""Looks at the places and users that twistd's own options name, before twistd meets them with a traceback."""

import os
import pwd
from collections.abc import Mapping
from pathlib import Path
from typing import Any


class OptionError(Exception):
    """An option of twistd's that cannot be followed: one sentence says what to do."""


def check_options(twistd: Mapping[str, Any]) -> None:
    """Raise `OptionError` if twistd cannot do what its options ask for: go somewhere, or become somebody."""
    chroot, folder = twistd.get("chroot"), str(twistd.get("rundir") or ".")
    if chroot is not None:
        _enter(Path(str(chroot)), "the folder {} of --chroot", "name another")
    elif folder == ".":
        _enter(Path(), "the working folder", "start chatd in another one (cd /)")
    else:
        _enter(Path(folder), "the folder {} of --rundir", "name another")
    pidfile = twistd.get("pidfile")
    if pidfile and chroot is None:
        _write(Path(folder) / str(pidfile))
    if twistd.get("uid") is not None:
        _become(int(twistd["uid"]))


def _enter(folder: Path, what: str, hint: str) -> None:
    try:
        os.stat(f"{folder}/.")  # noqa: PTH116 - Path takes the dot away, which asks whether we may enter
    except OSError as error:
        raise OptionError(f"{what.format(folder)} cannot be entered: {error.strerror}; {hint}.") from None


def _write(path: Path) -> None:
    """Make sure that a pid file can be written; what is there is left as it is."""
    try:
        os.close(os.open(path, os.O_WRONLY | os.O_CLOEXEC))
    except FileNotFoundError:
        _enter(
            path.parent, f"the folder {{}} of the pid file {path.name}", "name another file with --pidfile"
        )
        if not os.access(path.parent, os.W_OK):
            raise OptionError(_unwritable(path, "Permission denied")) from None
    except OSError as error:
        raise OptionError(_unwritable(path, error.strerror)) from None


def _unwritable(path: Path, why: str | None) -> str:
    return (
        f"the pid file {path} cannot be written: {why}; name another with --pidfile, or none with --pidfile=."
    )


def _become(uid: int) -> None:
    try:
        pwd.getpwuid(uid)
    except KeyError:
        raise OptionError(
            f"no user has the number {uid} of --uid; make one (useradd --system), or start chatd as that"
            f" number (setpriv --reuid {uid})."
        ) from None
