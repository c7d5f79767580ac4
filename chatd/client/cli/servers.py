"""chatc servers, and --server lan: what announces itself nearby, shown, and one of it chosen."""

import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

import msgspec
from msgspec.structs import replace

from chatd.client.cli.text import clean_line
from chatd.client.core.nearby import Nearby, is_lowered, meant, servers
from chatd.client.core.problems import ClientError
from chatd.client.net.browse import SECONDS, browse, knock
from chatd.client.profile.origins import origin_of
from chatd.client.profile.places import known_origins, secured_hosts

TRIES: Final = 3
"""Answers that choose nothing, until nobody is asked any more."""


def look_around(profile: str | None, folder: Path | None, seconds: float = SECONDS) -> list[Nearby]:
    """Return the servers that announce themselves, with what is known of them.

    Raises `ClientError` where nothing can be heard, or the profile cannot be used.
    """
    origins = known_origins(profile, folder)
    secured = secured_hosts(origins)
    found = servers(browse(seconds))
    there = knock(one.address for one in found)
    return [
        replace(
            one,
            answers=one.address in there,
            known=(known := origin_of(one.address).text in origins),
            lowered=not known and is_lowered(one.address, secured),
        )
        for one in found
    ]


def pick(found: Sequence[Nearby], ask: Callable[[str], str] | None) -> Nearby:
    """Return the server that is meant by ``lan``: the only one, or the one that the answer to ``ask`` names.

    Raises `ClientError` where there is none, or nobody to ask.
    """
    usable = meant(found)
    if len(usable) == 1:
        return usable[0]
    if ask is None:
        listed = ", ".join(f"{one.written} ({_name(one)})" for one in usable)
        raise ClientError(
            "many-servers", f"Several servers announce themselves; name one of them with --server: {listed}."
        )
    lines = [f"{number:>3}  {line}" for number, line in enumerate(map(line_of, usable), 1)]
    question = "\n".join([*lines, f"Which one? [1-{len(usable)}] "])
    for _ in range(TRIES):
        answer = ask(question).strip()
        if answer.isascii() and answer.isdigit() and 1 <= int(answer) <= len(usable):
            return usable[int(answer) - 1]
        if not answer:
            break
        question = f"Write a number from 1 to {len(usable)}: "
    raise ClientError("many-servers", "No server was chosen, and nothing was sent.")


def found_line(one: Nearby) -> str:
    """Return what is told of the server that was taken."""
    return f"going to {_name(one)} at {one.written}{'' if one.address.tls else ', in plain text'}"


def line_of(one: Nearby) -> str:
    """Return what people see of one server, on one line."""
    remarks = []
    if not one.answers:
        remarks.append("does not answer")
    if one.lowered:
        remarks.append("in plain text here, but you know this host by TLS")
    elif not one.address.tls:
        remarks.append("plain text")
    if one.known:
        remarks.append("known")
    if one.page:
        remarks.append(one.page)
    return f"{one.written:<28} {_name(one)}" + (f" ({', '.join(remarks)})" if remarks else "")


def _name(one: Nearby) -> str:
    """Return what it calls itself in quotes, which it cannot leave: what stands beside them is ours."""
    return '"' + clean_line(one.name).replace('"', "'") + '"'


def run_servers(found: Sequence[Nearby], write: Callable[[bytes], int], *, as_json: bool) -> int:
    """Print the servers that were ``found``; return the exit status."""
    lines = [_json(one) if as_json else line_of(one).encode() for one in found]
    return write(b"".join(line + b"\n" for line in lines))


def _json(one: Nearby) -> bytes:
    address = one.address
    values = {"name": one.name, "server": one.written, "host": address.host, "port": address.port}
    values |= {"tls": address.tls, "page": one.page, "answers": one.answers, "known": one.known}
    return msgspec.json.encode(values)


def ask_at_terminal() -> Callable[[str], str] | None:
    """Return what asks the person at the terminal; None where nobody sits there."""
    if not (os.isatty(0) and os.isatty(2)):
        return None

    def ask(question: str) -> str:
        os.write(2, question.encode())
        return os.read(0, 1024).decode("utf-8", "replace")

    return ask
