"""A module of the benchmarks, with daemons and clients that are forked from the process that runs it.

    python -m tests.bench_forked MODULE [WORD…]

It is ``python -m MODULE WORD…`` but for that.
"""

import runpy
import subprocess
import sys
from typing import Any

from bench import __main__ as every
from bench import copying, files, house, server
from tests.end_to_end.harness import program

assert every, "imported once for all who are forked from here"


class _Subprocess:
    """The module `subprocess`, whose processes are forked where that spares them their imports."""

    Popen = program.Program

    def __getattr__(self, name: str) -> Any:
        return getattr(subprocess, name)

    @staticmethod
    def run(command: Any, **how: Any) -> subprocess.CompletedProcess[Any]:
        """Run ``command`` to its end."""
        return program.finished(command, **how)


def main() -> None:
    """Run the module that the command line names."""
    program.fork_from_here()
    for module in (copying, files, house, server):
        module.subprocess = _Subprocess()  # type: ignore[assignment]
    del sys.argv[0]
    runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
