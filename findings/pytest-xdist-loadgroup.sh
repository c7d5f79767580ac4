#!/usr/bin/env bash
# pytest-xdist with pytest 9.2: --dist=loadgroup no longer keeps a group together, and says nothing of it.
#
# Version    pytest 9.2.0, pytest-xdist 3.8.0, Python 3.11
# Behaviour  Tests that are marked with xdist_group("a") are to run in one process under --dist=loadgroup. With this
#            pytest they are dealt out like all others. Nothing is reported; a test set whose groups share a port, a
#            machine-wide device or a measurement turns slow or flaky, depending on who plays what beside whom.
# Seen       pytest 9.1.0: 1 process plays the group
# Seen       pytest 9.2.0: 2 processes play the group
# Source     xdist's documentation, "Running tests across multiple CPUs": loadgroup guarantees one worker per
#            group. Its worker (xdist/remote.py) appends the group to the private `_nodeid` of each test; in pytest 9.2
#            a test's `nodeid` is no longer read from there, so the scheduler sees no group.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"

cat >test_group.py <<'PY'
import time

import pytest


@pytest.mark.xdist_group("a")
@pytest.mark.parametrize("number", range(8))
def test_it(number, worker_id):
    with open("played-by", "a") as file:
        file.write(worker_id + "\n")
    time.sleep(0.3)
PY

# Prints how many processes play the one group, with a version of pytest.
players() {
    python3 -m venv "venv-$1"
    "venv-$1/bin/pip" install --quiet --disable-pip-version-check "pytest==$1" 'pytest-xdist==3.8.0'
    rm -f played-by
    timeout 60 "venv-$1/bin/pytest" -q -p no:cacheprovider -n 2 --dist=loadgroup test_group.py >"log-$1"
    sort -u played-by | wc -l
}

older=$(players 9.1.0)
newer=$(players 9.2.0)
echo "pytest 9.1.0: $older process plays the group"
echo "pytest 9.2.0: $newer processes play the group"
[ "$older" = 1 ] && [ "$newer" = 2 ]
