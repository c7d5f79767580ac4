"""What a client begins with: what its options wish for, and what an earlier run left of that."""

import getpass
import os
import secrets
from typing import Final

from msgspec.structs import replace

from chatd.client.core.problems import ClientError
from chatd.client.core.session import Elsewhere, Remembered, Session, Wishes
from chatd.client.core.trail import Trail
from chatd.client.profile.origins import origin_of
from chatd.client.profile.profiles import likely, open_slot
from chatd.client.profile.slot import Slot
from chatd.client.values import Options
from chatd.wire.names import fold

TOKEN_BYTES: Final = 32
"""Random bytes in the token that a newcomer proposes for its session."""


def recall(options: Options) -> tuple[Slot | None, Remembered]:
    """Return the slot of the profile, locked, and what it holds; no slot where nothing is to be remembered.

    Raises `ClientError` where the profile cannot be used.
    """
    slot, remembered = _remembered(options)
    remembered.session.new_token = secrets.token_urlsafe(TOKEN_BYTES)
    if options.device_name not in {None, remembered.session.label}:
        remembered.session.label = options.device_name
        if slot is not None:
            _name_device(slot, str(options.device_name))
    return slot, remembered


def _remembered(options: Options) -> tuple[Slot | None, Remembered]:
    default = _login_name()
    if options.profile is None:
        return None, Remembered(Session(nick=options.nick or default))
    try:
        slot = open_slot(
            options.profile,
            origin_of(options.server, options.proxy),
            options.nick,
            default,
            same_as=options.same_as,
            folder=options.folder,
            slot=options.slot,
        )
    except ClientError as error:
        if error.code != "profile-full":
            raise
        advice = "Nothing was lost; start again then, or keep nothing with --ephemeral."
        raise ClientError(error.code, f"{error.text} {advice}") from None
    if options.commit == "manual" and slot.has_company():
        slot.close()
        raise ClientError(
            "session-in-use",
            "Another process uses this profile with this nick, and only one may handle what is said; end it.",
        )
    return slot, slot.remembered()


def _name_device(slot: Slot, label: str) -> None:
    try:
        slot.name_device(label)
    except ClientError:
        slot.close()
        raise


def likely_elsewhere(options: Options) -> Elsewhere | None:
    """Return who we are at what may be another address of the same server, if we are nobody at this one.

    That is another port of the same machine, or whatever the profile knows that was asked for by name.
    Raises `ClientError` where the profile cannot be used.
    """
    if options.profile is None or options.same_as is not None:
        return None
    here = origin_of(options.server, options.proxy)
    return likely(options.profile, here, options.nick, named=options.profile_named, folder=options.folder)


def wishes(options: Options) -> Wishes:
    """Return what this run wants of the server."""
    return Wishes(
        address=str(options.server),
        rooms=options.rooms,
        follow_all=options.follow == "all",
        remember=options.remember,
        heartbeat=options.heartbeat,
        keep=options.profile is not None,
        through=str(options.proxy or ""),
        credentials=options.credentials,
        certificate=options.cert is not None,
        by_hand=options.commit == "manual",
        typing=options.typing,
    )


def relevant(remembered: Remembered, options: Options) -> Remembered:
    """Return what is remembered, with the cursors of the rooms that this run is about."""
    wire = {fold(name): room for room, name in remembered.names.items()}
    trails, times = remembered.trails, remembered.times
    if options.cursors is not None:
        cursors, trails, times = {}, {}, {}
        for name, seq in options.cursors.items():
            room = wire.get(fold(name), fold(name))
            cursors[room] = seq
            if name in options.checks:
                trails[room] = Trail()
                trails[room].add(seq, options.checks[name])
            if name in options.times:
                times[room] = options.times[name]
    elif options.follow == "listed":
        rooms = {wire.get(fold(name), fold(name)) for name in options.rooms}
        cursors = {room: seq for room, seq in remembered.cursors.items() if room in rooms}
    else:
        return remembered
    return replace(remembered, cursors=cursors, trails=trails, times=times)


def _login_name() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError):
        return f"user{os.getuid()}"
