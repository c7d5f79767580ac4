#!/usr/bin/env bash
# playwright: while its synchronous API is open, no other code of the same thread can run a loop of asyncio.
#
# Version    playwright 1.65.2, greenlet 3.5.6, Python 3.11; no browser is needed
# Behaviour  `sync_playwright()` runs a loop of asyncio in a greenlet of the calling thread, and comes back from it by a
#            switch, without leaving it. So asyncio takes that loop for running in this thread until the end of the `with`
#            block, also between two calls: `asyncio.run` raises RuntimeError in code that has nothing to do with a
#            browser. A browser that is opened once for a whole run of tests makes every later test fail that
#            runs a loop; which ones, the order of the tests decides.
# Seen       before: asyncio.run works
# Seen       while it is open: asyncio.run() cannot be called from a running event loop
# Seen       while it is open, in another thread: asyncio.run works
# Seen       afterwards: asyncio.run works
# Source     playwright's documentation ("Library") gives the synchronous API to who does not use asyncio, and warns of
#            it inside a loop; of the other way round it says nothing. Its code: the greenlet of
#            sync_api/_context_manager.py calls run_until_complete, and asyncio's note of the running loop is the thread's.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check 'playwright==1.65.2' 'greenlet==3.5.6'

cd "$work"
seen=$(timeout 60 venv/bin/python -W ignore - <<'PY'
import asyncio
from concurrent.futures import ThreadPoolExecutor

from playwright.sync_api import sync_playwright


async def nothing():
    pass


def run():
    try:
        asyncio.run(nothing())
    except RuntimeError as error:
        return str(error)
    return "asyncio.run works"


print("before:", run())
with sync_playwright(), ThreadPoolExecutor() as threads:
    print("while it is open:", run())
    print("while it is open, in another thread:", threads.submit(run).result())
print("afterwards:", run())
PY
)
echo "$seen"
expected="before: asyncio.run works
while it is open: asyncio.run() cannot be called from a running event loop
while it is open, in another thread: asyncio.run works
afterwards: asyncio.run works"
[ "$seen" = "$expected" ] || { echo "The behaviour has changed." >&2; exit 1; }
