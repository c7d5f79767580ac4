"""The seam between what is told and how it is posted."""

from collections.abc import Mapping
from typing import Protocol

from twisted.internet.defer import Deferred


class DeliveryError(Exception):
    """A POST that was not answered; the text says why, in words for the owner of a room."""


class Sender(Protocol):
    """Whatever posts."""

    def post(self, url: str, headers: Mapping[str, str], body: bytes) -> "Deferred[int]":
        """Return the status that answers ``body``, posted to ``url``. Fails with `DeliveryError`."""

    def stop(self) -> None:
        """Let go of the connections that are kept."""
