"""Confirming: who comes to a server by a new address is asked whether their secret may go there."""

import os
from dataclasses import replace
from typing import Final

from chatd.client.cli.text import clean_line
from chatd.client.core.address import parse_address
from chatd.client.profile.opening import likely_elsewhere
from chatd.client.profile.origins import written
from chatd.client.values import Options

_YES: Final = {"y", "yes"}


def confirm_origin(options: Options) -> Options:
    """Return the options, with the known address that the person has said to be of the same server.

    Only somebody at a terminal is asked. Programs begin as newcomers, and are told how to be who they were
    when the server has answered. Raises `ClientError` where the profile cannot be used.
    """
    if not (os.isatty(0) and os.isatty(2)):
        return options
    known = likely_elsewhere(options)
    if known is None:
        return options
    place, nick = written(options.server.text), clean_line(known.nick)
    here = f"chatc: {place} is new here; at {known.address} you are {nick}"
    if not known.shown:
        os.write(2, f"{here}: {known.way}.\n".encode())
        return options
    os.write(2, f"{here}. Is it the same server, and may it have that secret? [y/N] ".encode())
    answer = os.read(0, 1024)
    if answer.decode("utf-8", "replace").strip().lower() not in _YES:
        return options
    return replace(options, same_as=parse_address(known.address), nick=known.nick)
