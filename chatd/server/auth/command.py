"""The external command: a program of the operator's that knows passwords, of LDAP, PAM or whatever it asks.

It gets one line of JSON on its standard input, ``{"nick": …, "password": …, "address": …}``, and answers with
one line: ``{"ok": true}`` or ``{"ok": false}``, with ``"nick"`` if the account is called otherwise. Its
status must be 0. The password is nowhere else: neither in arguments nor in the environment.
"""

import os
import shutil
import signal
from collections.abc import Sequence
from contextlib import suppress
from typing import Any, Final

import msgspec
from twisted.cred.checkers import ICredentialsChecker
from twisted.cred.error import UnauthorizedLogin
from twisted.internet.defer import Deferred
from twisted.internet.error import ProcessDone, ProcessExitedAlready
from twisted.internet.protocol import ProcessProtocol
from twisted.python.failure import Failure
from zope.interface import implementer

from chatd.chat.quota import Slots
from chatd.server.auth.credentials import IPassword
from chatd.wire.errors import Code, RequestError

MOST_ANSWER: Final = 4096
"""Bytes of an answer; a program that says more is at fault."""

BETWEEN: Final = 0.1
"""Seconds between the moments at which two who were refused may come again: about what an answer takes."""

_PATH: Final = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


class CommandError(Exception):
    """The command did not do what it must; the text says what, and holds nothing of what it was told."""


class _Verdict(msgspec.Struct):
    ok: bool
    nick: str = ""


@implementer(ICredentialsChecker)
class CommandChecker:
    """Asks ``command``, a program with its arguments, once for each password; kills it after ``timeout`` s.

    At most ``processes`` run at once; who comes beyond that is refused with ``too-fast``. One that cannot be
    killed, as it runs as root, counts until it ends; whoever waits for it hears that it is at fault at once.
    Each runs in a session of its own, where setsid(1) is there, so that what it has started is killed too.
    """

    credentialInterfaces = (IPassword,)

    def __init__(self, reactor: Any, command: Sequence[str], timeout: float, processes: int) -> None:
        self._reactor = reactor
        setsid = shutil.which("setsid")
        self._command = [*([setsid] if setsid else []), *command]
        self._timeout = timeout
        self._processes = processes
        self._slots = Slots(BETWEEN)
        self.running = 0

    def requestAvatarId(self, credentials: Any) -> Deferred[Any]:
        """Return the nick that the command lets in. Raises `RequestError` ``too-fast``."""
        if self.running >= self._processes:
            wait = self._slots.take(self._reactor.seconds())
            raise RequestError(
                Code.TOO_FAST,
                "Too many passwords are being checked now; try again in a moment.",
                retry_after=round(wait, 3),
            )
        question = {"nick": credentials.nick, "password": credentials.password, "address": credentials.host}
        talk = _Talk(msgspec.json.encode(question) + b"\n")
        self.running += 1
        talk.gone.addCallback(self._count_down)
        try:
            self._reactor.spawnProcess(
                talk, self._command[0], self._command, env={"PATH": os.environ.get("PATH", _PATH)}
            )
        except OSError as error:
            talk.gone.callback(None)
            talk.end(Failure(CommandError(f"the command cannot be started: {error.strerror or error}")))
            return talk.ended
        limit = self._reactor.callLater(self._timeout, talk.kill)
        talk.ended.addBoth(_and_cancel, limit)
        return talk.ended.addCallback(_nick_of, credentials.nick)

    def _count_down(self, _: None) -> None:
        self.running -= 1


class _Talk(ProcessProtocol):
    """One run of the command: tells it ``question``; ``ended`` fires with what it has answered.

    ``gone`` fires when its process is no more, which may be before that or after.
    """

    def __init__(self, question: bytes) -> None:
        self._question = question
        self._answer = b""
        self._fault = ""
        self.ended: Deferred[bytes] = Deferred()
        self.gone: Deferred[None] = Deferred()

    def connectionMade(self) -> None:
        self.transport.write(self._question)  # type: ignore[union-attr]
        self.transport.closeStdin()  # type: ignore[union-attr]
        self._question = b""

    def outReceived(self, data: bytes) -> None:
        self._answer += data[: MOST_ANSWER + 1]
        if len(self._answer) > MOST_ANSWER:
            self.kill("the command says too much")

    def errReceived(self, data: bytes) -> None:
        """Drop what it says there: it might repeat what it was told."""

    def kill(self, why: str = "the command took too long") -> None:
        """End the command, and the waiting for it, at once, whether it can be killed or not."""
        transport: Any = self.transport
        self._fault = self._fault or why
        if transport.pid is not None:  # not waited for yet, so that nothing else has its number
            with suppress(OSError):
                os.killpg(transport.pid, signal.SIGKILL)
            with suppress(OSError, ProcessExitedAlready):
                transport.signalProcess("KILL")
        transport.loseConnection()
        self.end(Failure(CommandError(self._fault)))

    def processExited(self, _: Failure) -> None:
        """Note that the process is no more; something that it has started may still hold its output."""
        self.gone.callback(None)

    def processEnded(self, reason: Failure) -> None:
        if not self._fault and not reason.check(ProcessDone):
            self._fault = f"the command has failed ({reason.getErrorMessage()})"
        self.end(Failure(CommandError(self._fault)) if self._fault else self._answer)

    def end(self, outcome: Any) -> None:
        """Fire ``ended``, once."""
        if not self.ended.called:
            self.ended.callback(outcome)


def _and_cancel(result: Any, limit: Any) -> Any:
    if limit.active():
        limit.cancel()
    return result


def _nick_of(answer: bytes, asked: str) -> str:
    """Return the nick that the command's answer lets in."""
    try:
        verdict = msgspec.json.decode(answer, type=_Verdict)
    except msgspec.MsgspecError:
        raise CommandError("the command's answer is no JSON object with ok") from None
    if not verdict.ok:
        raise UnauthorizedLogin
    return verdict.nick or asked
