"""The service, run in a process of its own: what it does to that process."""

import platform
import subprocess
import sys

import pytest

from chatd.memory import YOUNG
from tests.end_to_end.harness.processes import environment

_RUN = """
import gc
from twisted.internet import reactor
from chatd import service
from chatd.ops.settings import Config, ListenConfig

daemon = service.build(Config(data="data", listen=[ListenConfig(endpoint="unix:socket")]))

def go():
    daemon.privilegedStartService()
    daemon.startService()
    kept = {id(one) for one in gc.get_objects()}
    print(gc.get_threshold()[0])
    print(gc.get_freeze_count() > 10_000, id(service.__dict__) in kept, id(daemon.daemon.server.hub) in kept)
    daemon.stopService().addCallback(lambda _: reactor.stop())

reactor.callWhenRunning(go)
reactor.run()
"""


@pytest.mark.slow  # it works for a second
def test_the_collector_passes_over_the_program_and_what_it_loaded(tmp_path):
    done = subprocess.run(
        [sys.executable, "-c", _RUN],
        cwd=tmp_path,
        env=environment(),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.stdout.split() == [str(YOUNG), "True", "False", "False"], done.stderr


_FAULTS = """
import resource, sys
from chatd.memory import keep_freed_memory

if sys.argv[1] == "kept":
    keep_freed_memory()
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(200):
    held = [bytes(250_000) for _ in range(8)]
    del held
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only glibc's allocator is told")
def test_freed_memory_is_kept_at_hand():
    def faults(how):
        command = [sys.executable, "-c", _FAULTS, how]
        done = subprocess.run(
            command, env=environment(), capture_output=True, text=True, timeout=60, check=True
        )
        return int(done.stdout)

    assert faults("kept") < faults("as ever") / 20
