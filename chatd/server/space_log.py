"""Log lines about the room that the data takes."""

from chatd.chat.storage import Space, StoreError
from chatd.ops.log import Log

log = Log(__name__)


class SpaceLog:
    """Logs the changes of the database's size, unused parts and index.

    It is a `chatd.store.space.SpaceListener`.
    """

    def converting(self, size: int, written: int) -> None:
        """Say that the database is being written anew."""
        log.info(
            "compacting",
            "The database is written anew, once, so that it can shrink.",
            size=size,
            offset=written,
        )

    def converted(self, size: int, freed: int, duration: float) -> None:
        """Say that the database was written anew."""
        log.info("compacted", size=size, freed=freed, duration=round(duration, 3))

    def not_converted(self, error: str) -> None:
        """Say that the database was not written anew, and what follows."""
        log.warn(
            "compact-failed",
            "The database goes on as it is and cannot shrink; mend that, and the next start tries again.",
            error=error,
        )

    def shrunk(self, size: int, freed: int, duration: float) -> None:
        """Say that room was given back."""
        log.info("shrunk", size=size, freed=freed, duration=round(duration, 3))

    def erasing_waits(self, duration: float) -> None:
        """Say that what was removed is still in the files, and who keeps it there."""
        log.warn(
            "erasing-waits",
            "What was removed is still in unused parts of the database's files: another program reads it all"
            " the time, such as a backup or litestream. Stop that for a moment.",
            duration=round(duration, 3),
        )

    def erased(self, duration: float) -> None:
        """Say that it is not any more."""
        log.info("erased", duration=round(duration, 3))

    def index_failed(self, error: str, lacking: int) -> None:
        """Say that searches do not find what was said lately, and why."""
        log.warn(
            "index-failed",
            "The index of what was said cannot be brought up to date; searches do not find the events that it"
            " lacks. It is tried again every ten seconds.",
            error=error,
            count=lacking,
        )


def tell_space(taken: Space | StoreError, used: int | None) -> None:
    """Log how much room the database takes, and that files take ``used`` bytes."""
    if not isinstance(taken, StoreError):
        log.info("space", size=taken.size, free=taken.free, wal=taken.wal, used=used)
