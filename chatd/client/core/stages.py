"""Stages: how far a transfer is, as people and programs are told."""

from enum import StrEnum
from typing import Final

from msgspec import Struct


class Stage(StrEnum):
    """How far a file is; the values are what programs read."""

    READING = "reading"
    WAITING = "waiting"
    OFFERING = "offering"
    SENDING = "sending"
    RECEIVING = "receiving"
    VERIFYING = "verifying"
    POSTING = "posting"
    DONE = "done"
    FAILED = "failed"


OVER: Final = frozenset({Stage.DONE, Stage.FAILED})
MOVING: Final = frozenset({Stage.READING, Stage.SENDING, Stage.RECEIVING})
"""The stages in which bytes are counted."""


class Transfer(Struct, frozen=True):
    """One file on its way to or from ``room``; ``sending`` is whether it is ours.

    ``done`` counts the bytes that are safe on the disk of the side that receives, or while it is being
    ``reading`` those that were read; ``size`` is None until it is known. ``path`` is our file: the source, or
    the target once it is in its place. ``seq`` is the event, once there is one. ``reason`` tells why it
    failed, or waits.
    """

    key: int
    sending: bool
    name: str
    room: str
    stage: Stage
    size: int | None = None
    done: int = 0
    seq: int | None = None
    path: str = ""
    reason: str = ""
