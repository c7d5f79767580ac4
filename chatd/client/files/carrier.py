"""The carrier: takes files from the disk to posts in rooms, and from rooms to their places on the disk."""

from collections.abc import Coroutine
from pathlib import Path
from typing import Any, Final, TypeVar

from msgspec.structs import replace
from twisted.internet.defer import Deferred, DeferredList, fail
from twisted.python.failure import Failure

from chatd.client.core.notices import Begun
from chatd.client.core.problems import ClientError
from chatd.client.core.stages import Stage, Transfer
from chatd.client.core.steps import ReceiveFile, SendFile
from chatd.client.files.errands import Errands, reason_of
from chatd.client.files.jobs import Job
from chatd.client.files.seams import Home, Notes
from chatd.client.files.sources import told_name
from chatd.client.files.targets import Wanted
from chatd.client.values import KeptUpload, Sent
from chatd.disk import rooted
from chatd.files.strand import Strand, Workers
from chatd.wire.errors import Code, RequestError
from chatd.wire.messages import File

T = TypeVar("T")

OFFERS: Final = 3
"""Times that a file is brought to a server which, when it is to be posted, has lost it again."""


class Carrier:
    """All transfers of a client, with their files; ``workers`` do the work on these, in a row for each."""

    def __init__(self, home: Home, notes: Notes, workers: Workers) -> None:
        self._home = home
        self._notes = notes
        self._workers = workers
        self.errands = Errands(home, notes)
        self._count = 0
        self._jobs: dict[int, Job] = {}
        self._closing: dict[Deferred[Any], None] = {}

    # ---- the program ----------------------------------------------------------------------------------

    def put(self, room: str, path: Path, caption: str, *, keep: bool = False) -> Deferred[Sent]:
        """Send the file at ``path`` and post it in ``room``; if it is to be kept, a later run goes on."""
        upload = KeptUpload(room, rooted(path), caption)
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
        return [self.errands.transfer(job) for job in self._jobs.values()]

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
        self._home.seen(self.errands.transfer(job))
        running = Deferred.fromCoroutine(course)
        done: Deferred[T] = Deferred(lambda _: running.cancel())
        job.attach(running, done)
        running.addBoth(self._closed, job)
        running.addCallbacks(job.succeeded, job.failed)
        return done

    def _closed(self, result: Any, job: Job) -> Any:
        """Note how it ended, and close its file behind everything that is still being done with it."""
        reason = reason_of(result) if isinstance(result, Failure) else ""
        job.stage = Stage.FAILED if isinstance(result, Failure) else Stage.DONE
        job.reason = job.farewell or reason
        if job.stage is Stage.DONE:
            job.done = job.size or 0
        self.errands.forget(job)
        del self._jobs[job.key]
        closing = job.close()
        self._closing[closing] = None
        closing.addBoth(lambda _: self._closing.pop(closing, None))
        self._home.seen(self.errands.transfer(job))
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
        await self.errands.carry(job, lambda key: SendFile(key, file))
        job.done = file.size
        job.stage = Stage.POSTING
        self._home.seen(self.errands.transfer(job))
        sent = await self._home.post(job.room, caption, file, job.kept)
        job.seq = sent.seq
        return sent

    async def _get(self, job: Job, seq: int | None, prefix: str) -> Path:
        await job.check_target()
        await self.errands.carry(job, lambda key: ReceiveFile(key, job.room, seq, prefix))
        if job.begun is not None:
            self._notes.end(job.begun)
        return Path(job.path)


def _begun(job: Job) -> Begun:
    return Begun(sending=True, room=job.room, path=str(rooted(Path(job.path))))
