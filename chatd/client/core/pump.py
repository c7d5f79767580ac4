"""The pump: the end of every input of the machine. What waits is written, and the effects are handed out."""

from chatd.client.core.effects import Effect
from chatd.client.core.greeting import Greeting
from chatd.client.core.links import Links
from chatd.client.core.output import Output
from chatd.client.core.requests import Requests


class Pump:
    """Writes what waits in ``requests`` to the open one of ``links``, and empties the output."""

    def __init__(self, links: Links, requests: Requests, greeting: Greeting, out: Output) -> None:
        self._links = links
        self._requests = requests
        self._greeting = greeting
        self._out = out

    def run(self, now: float) -> None:
        """Write what waits and may be written."""
        link = self._links.open
        if link is not None:
            self._requests.pump(link, now)

    def effects(self) -> list[Effect]:
        """Return what is to be done, in order."""
        return self._out.taken(urgent=self._waits_for_disk)

    def _waits_for_disk(self) -> bool:
        return self._greeting.unsaved or self._requests.outbox.unsaved
