#!/usr/bin/env bash
# Twisted: each job of a thread pool leaves a cycle behind, which only the garbage collector finds.
#
# Version    Twisted 26.10.0, Python 3.11
# Behaviour  `ThreadPool.callInThreadWithCallback`, and with it `callInThread`, `deferToThread` and whatever else uses a
#            pool, makes a function for each job that refers to itself. When the job is done, what was called and
#            its result are let go of, the function is not: four objects stay for each job, until the collector
#            comes by. With it off they stay for ever. With many jobs at once its full run finds all of them, in
#            whichever thread it happens to begin, which in a busy program is the reactor's.
# Seen       200 jobs by callInThread: 800 objects are left for the collector
# Seen       200 jobs by callInThreadWithCallback: 800 objects are left for the collector
# Seen       200 jobs by a thread and a queue: 0 objects are left for the collector
# Source     Twisted's documentation of twisted.python.threadpool.ThreadPool says nothing of it. Its code says why the
#            work and its arguments hang on the function as attributes: their lifecycle is managed with care; but the
#            function reads them by its own name, which is the cycle.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check 'Twisted==26.10.0'

cd "$work"
seen=$(timeout 60 venv/bin/python - <<'PY'
import gc
import queue
import threading

from twisted.python.threadpool import ThreadPool

JOBS = 200


def left(start):
    """Return how many objects the collector finds behind the jobs; ``start`` returns what takes a job, and an end."""
    done = threading.Semaphore(0)
    submit, stop = start()
    gc.collect()
    for _ in range(JOBS):
        submit(done.release)
    for _ in range(JOBS):
        done.acquire()
    stop()  # or else a thread still has its last job
    return gc.collect()


def pool(way):
    def start():
        threads = ThreadPool(1, 1)
        threads.start()
        return way(threads), threads.stop

    return start


def plain():
    jobs = queue.SimpleQueue()

    def work():
        while (job := jobs.get()) is not None:
            job()

    thread = threading.Thread(target=work)
    thread.start()

    def stop():
        jobs.put(None)
        thread.join()

    return jobs.put, stop


gc.disable()
ways = {
    "callInThread": pool(lambda threads: threads.callInThread),
    "callInThreadWithCallback": pool(
        lambda threads: lambda job: threads.callInThreadWithCallback(lambda ok, result: job(), int)
    ),
    "a thread and a queue": plain,
}
for name, start in ways.items():
    print(f"{JOBS} jobs by {name}: {left(start)} objects are left for the collector")
PY
)
echo "$seen"
expected="200 jobs by callInThread: 800 objects are left for the collector
200 jobs by callInThreadWithCallback: 800 objects are left for the collector
200 jobs by a thread and a queue: 0 objects are left for the collector"
[ "$seen" = "$expected" ] || { echo "The behaviour has changed." >&2; exit 1; }
