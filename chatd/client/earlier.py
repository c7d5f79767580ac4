"""What earlier runs have left in the profile, and what becomes of it now."""

from chatd.client.awaiting import Awaiting
from chatd.client.core.notices import Left
from chatd.client.driver import Driver
from chatd.client.sharing import Files
from chatd.client.values import TakenOver


class EarlierRuns:
    """Lists, takes over or drops what is for other servers or sessions, and goes on with what is for ours."""

    def __init__(self, driver: Driver, awaiting: Awaiting, files: Files) -> None:
        self._driver = driver
        self._awaiting = awaiting
        self._files = files

    def left(self) -> list[Left]:
        """Return what the profile holds for servers that are not served now."""
        slot = self._driver.saving.slot
        return [] if slot is None else slot.leftovers.found()

    def take_over(self) -> TakenOver:
        """Send here what waits for the server that was at this address before."""
        saving, machine = self._driver.saving, self._driver.machine
        saving.flush()
        if saving.slot is None:
            return TakenOver([], [], [])
        entries, uploads = saving.slot.leftovers.take_over(machine.requests.sends.newest)
        sent = [self._awaiting.wait_for(entry.key) for entry in entries]
        self._driver.feed(machine.orders.take_over(entries, self._driver.now()))
        return TakenOver([entry.key for entry in entries], sent, self._files.go_on(uploads))

    def drop(self) -> None:
        """Delete what waits for the server that was at this address before, or in free sessions of ours.

        What has come of downloads that were interrupted is deleted as well.
        """
        slot = self._driver.saving.slot
        if slot is not None:
            slot.leftovers.drop()

    def go_on(self) -> TakenOver:
        """Go on with everything that earlier runs have left in this session; return what becomes of it."""
        waiting = self._driver.machine.outbox.entries
        texts = [entry.key for entry in waiting if entry.file is None and not entry.withdrawn]
        sent = [self._awaiting.wait_for(key) for key in texts]
        posted = [*self._files.posts_left(), *(posted for _, posted in self._files.put_kept())]
        return TakenOver(texts, sent, posted)
