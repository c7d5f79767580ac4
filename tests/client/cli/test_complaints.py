"""Nobody reads standard error: chatc goes on, and says later how much is missing."""

import os
import subprocess
import sys

PROGRAM = """
import time
from chatd.client.cli.running import complain

for n in range(3000):
    complain(f"line {n} " + "x" * 60)
print("went on", flush=True)
input()
complain("at last " + "y" * 10_000)
"""


def test_a_pipe_that_nobody_empties_holds_nothing_up():
    reader, writer = os.pipe()
    with subprocess.Popen(
        [sys.executable, "-c", PROGRAM],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=writer,
        text=True,
    ) as process:
        os.close(writer)
        assert process.stdout.readline() == "went on\n"
        os.set_blocking(reader, False)
        said = b""
        while True:
            try:
                said += os.read(reader, 1 << 16)
            except BlockingIOError:
                break
        os.set_blocking(reader, True)
        process.stdin.write("\n")
        process.stdin.close()
        assert process.wait(20) == 0
        with os.fdopen(reader, "rb") as end:
            rest = end.read().decode().splitlines()
    assert rest[0] == f"chatc: {3000 - said.count(b'chatc: ')} lines are missing here: nobody read them"
    assert rest[1].startswith("chatc: at last yyy")
    assert len(rest) == 2
