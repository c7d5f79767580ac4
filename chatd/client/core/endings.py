"""The ends that the server puts to links: it refuses a hello, says goodbye, or speaks another language."""

from chatd.client.core.backoff import Backoff
from chatd.client.core.effects import Close, FindSibling
from chatd.client.core.link import Link, Phase
from chatd.client.core.links import Links
from chatd.client.core.notices import CannotConnect
from chatd.client.core.output import Output
from chatd.client.core.rooms import Rooms
from chatd.client.core.session import ENDED, TAKEN_OVER, Elsewhere, Session, Wishes, final_sentence
from chatd.client.core.strangers import stranger_reason
from chatd.wire import messages as m
from chatd.wire.errors import EXPLANATIONS, CloseReason, Code, ProtocolError


class Endings:
    """Dials again, in another way maybe, or gives up where no further attempt can mend it.

    ``elsewhere`` is who we are at other addresses.
    """

    def __init__(
        self,
        session: Session,
        wishes: Wishes,
        elsewhere: tuple[Elsewhere, ...],
        rooms: Rooms,
        links: Links,
        backoff: Backoff,
        out: Output,
    ) -> None:
        self._session = session
        self._wishes = wishes
        self._elsewhere = elsewhere
        self._rooms = rooms
        self._links = links
        self._backoff = backoff
        self._out = out

    def turned_away(self, link: Link, error: m.Error, now: float) -> None:
        """Take in that the server refuses our hello, or the link as a whole."""
        greeting = link.phase is Phase.GREETING
        sentence = final_sentence(self._session, error, self._elsewhere)
        if greeting and self._mended(error):
            self._out.add(Close(link.number))
            self._links.dial(0.0, now)
        elif greeting and error.code == Code.NICK_TAKEN and self._wishes.credentials is None:
            self._out.reason = sentence or error.text
            self._out.add(Close(link.number), FindSibling())
            self._links.attempt = None
        elif sentence is not None:
            self._links.give_up(error.code, sentence)
        else:
            if error.code == Code.HELLO_TIMEOUT and self._links.current is None:
                self._links.segments.mute()  # our hello did not come there
            self._links.drop(link, error.text, now, slot=error.retry_after)

    def _mended(self, error: m.Error) -> bool:
        """Forget what the server does not know; return whether another hello may help."""
        if error.code == Code.UNKNOWN_SESSION:
            return self._session.forget()
        if error.code == Code.CURSOR_BEYOND_HEAD and error.room in self._rooms.seen.cursors:
            self._out.notify(self._rooms.forget(error.room, self._rooms.name(error.room)))
            self._out.save()
            return True
        return False

    def sibling(self, token: str, now: float) -> None:
        """Dial again with the ``token`` of a session of the same user; "" says that there is none."""
        if self._links.stopped:
            return
        if token and token != self._session.sibling:
            self._session.sibling = token
            self._links.dial(0.0, now)
        elif self._links.orphaned_lately(now):
            delay = self._links.delay(now)
            reason = "the nick is held by an attempt that broke off"
            self._out.notify(CannotConnect(self._wishes.address, reason, delay))
            self._links.dial(delay, now)
        else:
            self._links.give_up(Code.NICK_TAKEN, self._out.reason)

    def goodbye(self, link: Link, goodbye: m.Goodbye, now: float) -> None:
        """Take in why the server closes the link."""
        attempt = self._links.attempt
        if goodbye.reason == CloseReason.ENDED:
            self._session.forget()
            self._out.save()
            self._links.give_up(goodbye.reason, goodbye.text or ENDED)
        elif goodbye.reason != CloseReason.TAKEN_OVER:
            known = goodbye.reason in list(CloseReason)
            meaning = EXPLANATIONS[CloseReason(goodbye.reason)] if known else goodbye.reason
            self._links.drop(link, goodbye.text or meaning, now, slot=goodbye.retry_after)
        elif link in self._links.rivals:
            self._links.drop(link, EXPLANATIONS[CloseReason.TAKEN_OVER], now)
        elif attempt is not None and attempt.phase is Phase.GREETING:
            self._links.replaced(link, now)
        elif self._links.orphaned_lately(now):
            self._links.drop(link, "an earlier attempt of ours took the session over", now, slot=0.0)
        else:
            self._links.give_up(goodbye.reason, TAKEN_OVER)

    def misunderstood(self, link: Link, error: ProtocolError, now: float) -> None:
        """Give up a link that makes no sense; who never spoke the protocol will hardly learn it soon."""
        if link.understood:
            self._links.drop(link, f"it does not speak chatd's protocol: {error.text}", now)
        else:
            reason = stranger_reason(link.head, self._wishes.through)
            self._links.drop(link, reason, now, slot=self._backoff.stubborn())
