"""A stream in memory, as JetStream keeps one, over a network that loses what it is told to lose."""

from collections.abc import Callable, Sequence
from functools import partial

from chatd.cluster.journal import JournalError, Outcome
from chatd.cluster.settling import TakenError, UnansweredError, append


class MemoryStream:
    """A stream of messages, in `messages`, which nodes append to and read.

    What ``fates`` returns decides about each call of the engine: "" that it is answered, "request" that it
    never arrives, "answer" that its answer is lost, "late" that it arrives only before the next call.
    """

    def __init__(self, fates: Callable[[], str] = str) -> None:
        self.messages: list[bytes] = []
        self.limit = 1000
        self._fates = fates
        self._late: list[Callable[[], object]] = []

    # ---- the journal of a node ----------------------------------------------------------------------

    def append(self, parts: Sequence[bytes], expected: int, done: Callable[[Outcome], None]) -> None:
        """Append at once, whatever is lost on the way, and call ``done``."""
        attempt = append(self, parts, expected)
        outcome: Outcome
        try:
            attempt.send(None)
        except StopIteration as ended:
            outcome = ended.value
        except JournalError as error:
            outcome = error
        else:
            raise RuntimeError("Nothing here waits for anything.")
        done(outcome)

    # ---- the engine -----------------------------------------------------------------------------------

    async def publish(self, parts: Sequence[bytes], expected: int) -> int:
        """Add ``parts`` if ``expected`` is the last position."""
        fate = self._begin()
        if fate == "request":
            raise UnansweredError
        if fate == "late":
            self._late.append(partial(self._add, list(parts), expected))
            raise UnansweredError
        taken = self._add(parts, expected)
        if fate == "answer":
            raise UnansweredError
        if not taken:
            raise TakenError
        return len(self.messages)

    def _add(self, parts: Sequence[bytes], expected: int) -> bool:
        if expected != len(self.messages):
            return False
        self.messages += parts
        return True

    async def message_at(self, position: int) -> bytes | None:
        """Return the message at ``position``."""
        if self._begin():
            raise UnansweredError
        return self.messages[position - 1] if position <= len(self.messages) else None

    async def pause(self) -> None:
        """Go on at once."""

    def _begin(self) -> str:
        """Let what was late arrive; return what becomes of the next call."""
        late, self._late = self._late, []
        for arrive in late:
            arrive()
        return self._fates()
