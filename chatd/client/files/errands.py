"""Errands: what a transfer on the wire asks for with its file is done in threads, and told."""

from collections.abc import Callable
from typing import Any, TypeVar

from twisted.internet.defer import CancelledError, Deferred
from twisted.logger import Logger
from twisted.python.failure import Failure

from chatd.client.core.effects import Errand, Fetch, Find, Finish, Keep, Over, Settle, Staged
from chatd.client.core.notices import Begun
from chatd.client.core.problems import ClientError
from chatd.client.core.stages import Transfer
from chatd.client.core.steps import Drop, Failed, Fetched, Finished, Found, Kept, Settled, Step
from chatd.client.files.jobs import Job
from chatd.client.files.seams import Home, Notes
from chatd.wire.errors import ChatdError, Code, RequestError

T = TypeVar("T")


class Errands:
    """The jobs that are on the wire now, each with the errands of its transfer there."""

    log = Logger()

    def __init__(self, home: Home, notes: Notes) -> None:
        self._home = home
        self._notes = notes
        self._count = 0
        self._jobs: dict[int, Job] = {}
        self._perform: dict[type, Callable[[Job, Any], None]] = {
            Fetch: self._fetch,
            Find: self._find,
            Keep: self._keep,
            Settle: self._settle,
            Finish: self._finish,
            Over: self._over,
            Staged: self._staged,
        }

    # ---- a job on the wire ----------------------------------------------------------------------------

    def carry(self, job: Job, begin: Callable[[int], Step]) -> Deferred[None]:
        """Return a Deferred that fires when the bytes of ``job`` are where they belong."""
        job.over = Deferred(lambda _: self.forget(job, drop=True))
        self._count += 1
        job.moving = self._count
        self._jobs[job.moving] = job
        self._home.transfer(begin(job.moving))
        return job.over

    def forget(self, job: Job, *, drop: bool = False) -> None:
        """Note that a job is not on the wire any more; its transfer there, if it goes on, is to ``drop``."""
        if job.moving is None:
            return
        key: int = job.moving
        job.moving = None
        del self._jobs[key]
        if drop:
            self._home.transfer(Drop(key))

    def transfer(self, job: Job) -> Transfer:
        """Return how far a job is."""
        if job.moving is not None:
            moving = self._home.moving(job.moving)
            if moving is not None:
                job.follow(moving)
        return job.transfer()

    # ---- its errands ----------------------------------------------------------------------------------

    def perform(self, errand: Errand) -> None:
        """Do what a transfer asks for."""
        job = self._jobs.get(errand.key)
        if job is not None:
            self._perform[type(errand)](job, errand)

    def _do(self, errand: Errand, done: Deferred[T], step: Callable[[T], Step]) -> None:
        """Make a ``step`` of what comes of ``done``; what goes wrong ends the transfer."""
        done.addCallback(lambda result: self._home.transfer(step(result)))
        done.addErrback(self._broken, errand.key)

    def _broken(self, failure: Failure, key: int) -> None:
        problem = failure.value
        if isinstance(problem, CancelledError):
            return
        if not isinstance(problem, (ClientError, ChatdError)):
            self.log.failure("A transfer failed", failure)
        code = getattr(problem, "code", "fault")
        self._home.transfer(Failed(key, code, reason_of(failure)))

    def _fetch(self, job: Job, errand: Fetch) -> None:
        read = job.read(errand.offset, errand.size)
        self._do(errand, read, lambda data: Fetched(errand.key, errand.run, data))

    def _find(self, job: Job, errand: Find) -> None:
        found = job.open_target(errand.file)
        found.addCallback(self._note_place, job)
        self._do(errand, found, lambda stored: Found(errand.key, stored))

    def _note_place(self, stored: int, job: Job) -> int:
        seq = self.transfer(job).seq
        if seq is not None and job.place:
            job.begun = Begun(sending=False, room=job.room, path=str(job.place), seq=seq)
            self._notes.begin(job.begun)
        return stored

    def _keep(self, job: Job, errand: Keep) -> None:
        kept = job.write(errand.data)
        self._do(errand, kept, lambda held: Kept(errand.key, *held))

    def _settle(self, job: Job, errand: Settle) -> None:
        settled = job.sync()
        self._do(errand, settled, lambda stored: Settled(errand.key, stored))

    def _finish(self, job: Job, errand: Finish) -> None:
        self._do(errand, job.finish(), lambda _: Finished(errand.key))

    def _over(self, job: Job, errand: Over) -> None:
        over, job.over = job.over, None
        self.forget(job)
        if over is None or over.called:
            return
        if errand.code:
            over.errback(_problem(job, errand.code, errand.text))
        else:
            over.callback(None)

    def _staged(self, job: Job, _: Staged) -> None:
        self._home.seen(self.transfer(job))


def _problem(job: Job, code: str, text: str) -> Exception:
    if code == Code.HASH_MISMATCH and job.sending:
        return ClientError(
            "source-changed", f"{job.path} was changed while it was sent; send it when it is complete."
        )
    return RequestError(Code(code), text) if code in list(Code) else ClientError(code, text)


def reason_of(failure: Failure) -> str:
    """Return what is said of ``failure`` to people."""
    problem = failure.value
    if isinstance(problem, (ClientError, ChatdError)):
        return problem.text
    return "stopped" if isinstance(problem, CancelledError) else f"A fault in chatc: {problem!r}"
