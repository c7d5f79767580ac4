"""What the profile remembers of files that are on their way, for runs to come."""

from collections.abc import Callable

from msgspec.structs import replace

from chatd.client.core.notices import Begun, Notice, NotSaved
from chatd.client.core.problems import ClientError
from chatd.client.profile.slot import Slot
from chatd.client.values import KeptUpload


class FileNotes:
    """Writes to ``slot``, if there is one; ``tell`` takes the notice that it cannot, and files go on without.

    ``name`` tells what people call a room.
    """

    def __init__(self, slot: Slot | None, name: Callable[[str], str], tell: Callable[[Notice], None]) -> None:
        self._slot = slot
        self._name = name
        self._tell = tell

    # ---- uploads that a later run goes on with by itself ----------------------------------------------

    def kept(self) -> dict[int, KeptUpload]:
        """Return the files that are to be posted."""
        return {} if self._slot is None else self._slot.uploads()

    @property
    def inherited(self) -> int:
        """Return the greatest key of those that were kept by earlier runs."""
        return 0 if self._slot is None else self._slot.inherited_uploads

    def keep(self, upload: KeptUpload) -> int | None:
        """Remember a file that is to be posted; return its key. Raises `ClientError`."""
        return None if self._slot is None else self._slot.keep_upload(upload)

    def describe(self, key: int, sha256: str) -> None:
        """Remember what a kept file holds."""
        self._save(lambda slot: slot.note_upload(key, sha256))

    def drop(self, key: int) -> None:
        """Forget a kept file."""
        self._save(lambda slot: slot.drop_upload(key))

    # ---- what only the same command goes on with ------------------------------------------------------

    def begin(self, begun: Begun) -> None:
        """Remember a file until it is over."""
        begun = replace(begun, room=self._name(begun.room))
        self._save(lambda slot: slot.leftovers.note(begun))

    def end(self, begun: Begun) -> None:
        """Forget it."""
        begun = replace(begun, room=self._name(begun.room))
        self._save(lambda slot: slot.leftovers.forget(begun))

    def _save(self, save: Callable[[Slot], None]) -> None:
        try:
            if self._slot is not None:
                save(self._slot)
        except ClientError as error:
            self._tell(NotSaved(error.text))

    def close(self) -> None:
        """Let go of the slot."""
        self._slot = None
