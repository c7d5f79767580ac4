"""What the carrier is handed: its home, which has the transfers, and what remembers files for later runs."""

from typing import Protocol

from twisted.internet.defer import Deferred

from chatd.client.core.agreements import Moving
from chatd.client.core.notices import Begun
from chatd.client.core.stages import Transfer
from chatd.client.core.steps import Step
from chatd.client.values import KeptUpload, Sent
from chatd.wire.messages import File


class Home(Protocol):
    """Who has the transfers, and posts what was sent."""

    def transfer(self, step: Step) -> None:
        """Begin or end a transfer, or tell what became of an errand; do what follows from that."""

    def moving(self, key: int) -> Moving | None:
        """Return how far a transfer is on the wire."""

    def post(self, room: str, caption: str, file: File, kept: int | None) -> Deferred[Sent]:
        """Post a file that the server has, and forget that it was ``kept``."""

    def seen(self, transfer: Transfer) -> None:
        """Tell the program."""


class Notes(Protocol):
    """What later runs are to know of files on their way."""

    def keep(self, upload: KeptUpload) -> int | None:
        """Remember a file that is to be posted; return its key, None where nothing is remembered."""

    def describe(self, key: int, sha256: str) -> None:
        """Remember what a kept file holds."""

    def drop(self, key: int) -> None:
        """Forget a kept file."""

    def begin(self, begun: Begun) -> None:
        """Remember a file that only the same command goes on with."""

    def end(self, begun: Begun) -> None:
        """Forget it."""
