"""The carrier: does what transfers ask for with their files, in threads, and tells what becomes of them."""

from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any, Final, Protocol, TypeVar

from msgspec.structs import replace
from twisted.internet.defer import CancelledError, Deferred, DeferredList, fail
from twisted.logger import Logger
from twisted.python.failure import Failure

from chatd.client.core.agreements import Moving
from chatd.client.core.effects import Errand, Fetch, Find, Finish, Keep, Over, Settle, Staged
from chatd.client.core.notices import Begun
from chatd.client.core.problems import ClientError
from chatd.client.core.stages import Stage, Transfer
from chatd.client.core.steps import (
    Drop,
    Failed,
    Fetched,
    Finished,
    Found,
    Kept,
    ReceiveFile,
    SendFile,
    Settled,
    Step,
)
from chatd.client.files.jobs import Job
from chatd.client.files.sources import told_name
from chatd.client.files.targets import Wanted
from chatd.client.values import KeptUpload, Sent
from chatd.files.strand import Strand, Workers
from chatd.wire.errors import ChatdError, Code, RequestError
from chatd.wire.messages import File

T = TypeVar("T")

OFFERS: Final = 3
"""Times that a file is brought to a server which, when it is to be posted, has lost it again."""


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


class Carrier:
    """All transfers of a client, with their files; ``workers`` do the work on these, in a row for each."""

    log = Logger()

    def __init__(self, home: Home, notes: Notes, workers: Workers) -> None:
        self._home = home
        self._notes = notes
        self._workers = workers
        self._count = self._carried = 0
        self._jobs: dict[int, Job] = {}
        self._moving: dict[int, Job] = {}
        self._closing: dict[Deferred[Any], None] = {}

    # ---- the program ----------------------------------------------------------------------------------

    def put(self, room: str, path: Path, caption: str, *, keep: bool = False) -> Deferred[Sent]:
        """Send the file at ``path`` and post it in ``room``; if it is to be kept, a later run goes on."""
        upload = KeptUpload(room, path.absolute(), caption)
        try:
            kept = self._notes.keep(upload) if keep else None
        except ClientError as error:
            return fail(error)
        return self._upload(replace(upload, path=path), kept)

    def go_on(self, kept: int, upload: KeptUpload) -> Deferred[Sent]:
        """Go on with what an earlier run has kept."""
        return self._upload(upload, kept)

    def _upload(self, upload: KeptUpload, kept: int | None) -> Deferred[Sent]:
        job = self._begin(told_name(upload.path), upload.room)
        job.sending, job.stage, job.path, job.kept = True, Stage.READING, str(upload.path), kept
        return self._run(job, self._put(job, upload))

    def get(self, room: str, seq: int | None, prefix: str, wanted: Wanted) -> Deferred[Path]:
        """Bring a file of ``room`` to where it is ``wanted``."""
        job = self._begin(prefix if seq is None else str(seq), room)
        job.wanted = wanted
        return self._run(job, self._get(job, seq, prefix))

    def give_up(self, key: int) -> None:
        """End one for good: no later run goes on with it."""
        job = self._jobs.get(key)
        if job is None:
            return
        if job.kept is not None:
            self._notes.drop(job.kept)
        elif job.sending:
            self._notes.end(_begun(job))
        job.end(ClientError("cancelled", f"{job.name} is given up."))

    def leave_behind(self, last: int) -> None:
        """End those that were kept up to the key ``last``, which another server is to have."""
        for job in list(self._jobs.values()):
            if job.kept is not None and job.kept <= last:
                job.end(ClientError("another-server", f"{job.name} waits for another server."))

    def transfers(self) -> list[Transfer]:
        """Return how far each one is."""
        return [self._transfer(job) for job in self._jobs.values()]

    def stop(self, error: ClientError) -> None:
        """End all of them for ``error``; what is stored stays."""
        for job in list(self._jobs.values()):
            job.end(error)

    def emptied(self) -> Deferred[Any]:
        """Return a Deferred that fires once no file is open any more."""
        return DeferredList(list(self._closing))

    # ---- one transfer ---------------------------------------------------------------------------------

    def _begin(self, name: str, room: str) -> Job:
        self._count += 1
        job = self._jobs[self._count] = Job(self._count, name, room, Strand(self._workers))
        return job

    def _run(self, job: Job, course: Coroutine[Deferred[Any], Any, T]) -> Deferred[T]:
        """Run a transfer's course; its Deferred can be cancelled, or failed by `Job.end`."""
        self._home.seen(self._transfer(job))
        running = Deferred.fromCoroutine(course)
        done: Deferred[T] = Deferred(lambda _: running.cancel())
        job.attach(running, done)
        running.addBoth(self._closed, job)
        running.addCallbacks(job.succeeded, job.failed)
        return done

    def _closed(self, result: Any, job: Job) -> Any:
        """Note how it ended, and close its file behind everything that is still being done with it."""
        reason = _reason(result) if isinstance(result, Failure) else ""
        job.stage = Stage.FAILED if isinstance(result, Failure) else Stage.DONE
        job.reason = job.farewell or reason
        if job.stage is Stage.DONE:
            job.done = job.size or 0
        if job.moving is not None:
            self._forget(job)
        del self._jobs[job.key]
        closing = job.close()
        self._closing[closing] = None
        closing.addBoth(lambda _: self._closing.pop(closing, None))
        self._home.seen(self._transfer(job))
        return result

    async def _put(self, job: Job, upload: KeptUpload) -> Sent:
        if job.kept is None:
            self._notes.begin(_begun(job))
        try:
            sent = await self._put_file(job, upload)
        except (ClientError, RequestError):
            if job.kept is not None:  # it cannot be; only what was interrupted goes on another time
                self._notes.drop(job.kept)
            else:
                self._notes.end(_begun(job))
            raise
        if job.kept is None:
            self._notes.end(_begun(job))
        return sent

    async def _put_file(self, job: Job, upload: KeptUpload) -> Sent:
        file, caption = await job.open_source(upload.path), upload.caption
        if job.kept is not None:
            if upload.sha256 not in {"", file.sha256}:
                raise ClientError(
                    "source-changed", f"{job.path} has changed since it was to be sent; send it again."
                )
            self._notes.describe(job.kept, file.sha256)
        for _ in range(OFFERS - 1):
            try:
                return await self._bring(job, caption, file)
            except RequestError as error:
                if error.code != Code.NO_SUCH_FILE:
                    raise
        return await self._bring(job, caption, file)

    async def _bring(self, job: Job, caption: str, file: File) -> Sent:
        await self._carry(job, lambda key: SendFile(key, file))
        job.done = file.size
        job.stage = Stage.POSTING
        self._home.seen(self._transfer(job))
        sent = await self._home.post(job.room, caption, file, job.kept)
        job.seq = sent.seq
        return sent

    async def _get(self, job: Job, seq: int | None, prefix: str) -> Path:
        await job.check_target()
        await self._carry(job, lambda key: ReceiveFile(key, job.room, seq, prefix))
        if job.begun is not None:
            self._notes.end(job.begun)
        return Path(job.path)

    def _carry(self, job: Job, begin: Callable[[int], Step]) -> Deferred[None]:
        """Return a Deferred that fires when the bytes of ``job`` are where they belong."""
        job.over = Deferred(lambda _: self._forget(job, drop=True))
        self._carried += 1
        job.moving = self._carried
        self._moving[job.moving] = job
        self._home.transfer(begin(job.moving))
        return job.over

    def _forget(self, job: Job, *, drop: bool = False) -> None:
        if job.moving is None:
            return
        key: int = job.moving
        job.moving = None
        del self._moving[key]
        if drop:
            self._home.transfer(Drop(key))

    def _transfer(self, job: Job) -> Transfer:
        if job.moving is not None:
            moving = self._home.moving(job.moving)
            if moving is not None:
                job.follow(moving)
        return job.transfer()

    # ---- errands --------------------------------------------------------------------------------------

    def perform(self, errand: Errand) -> None:
        """Do what a transfer asks for."""
        job = self._moving.get(errand.key)
        if job is not None:
            _PERFORM[type(errand)](self, job, errand)

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
        self._home.transfer(Failed(key, code, _reason(failure)))

    def _fetch(self, job: Job, errand: Fetch) -> None:
        read = job.read(errand.offset, errand.size)
        self._do(errand, read, lambda data: Fetched(errand.key, errand.run, data))

    def _find(self, job: Job, errand: Find) -> None:
        found = job.open_target(errand.file)
        found.addCallback(self._note_place, job)
        self._do(errand, found, lambda stored: Found(errand.key, stored))

    def _note_place(self, stored: int, job: Job) -> int:
        seq = self._transfer(job).seq
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
        self._forget(job)
        if over is None or over.called:
            return
        if errand.code:
            over.errback(_problem(job, errand.code, errand.text))
        else:
            over.callback(None)

    def _staged(self, job: Job, _: Staged) -> None:
        self._home.seen(self._transfer(job))


def _begun(job: Job) -> Begun:
    return Begun(sending=True, room=job.room, path=str(Path(job.path).absolute()))


def _problem(job: Job, code: str, text: str) -> Exception:
    if code == Code.HASH_MISMATCH and job.sending:
        return ClientError(
            "source-changed", f"{job.path} was changed while it was sent; send it when it is complete."
        )
    return RequestError(Code(code), text) if code in list(Code) else ClientError(code, text)


def _reason(failure: Failure) -> str:
    problem = failure.value
    if isinstance(problem, (ClientError, ChatdError)):
        return problem.text
    return "stopped" if isinstance(problem, CancelledError) else f"A fault in chatc: {problem!r}"


_PERFORM: Final[dict[type, Callable[[Carrier, Job, Any], None]]] = {
    Fetch: Carrier._fetch,  # noqa: SLF001 - its own table
    Find: Carrier._find,  # noqa: SLF001
    Keep: Carrier._keep,  # noqa: SLF001
    Settle: Carrier._settle,  # noqa: SLF001
    Finish: Carrier._finish,  # noqa: SLF001
    Over: Carrier._over,  # noqa: SLF001
    Staged: Carrier._staged,  # noqa: SLF001
}
