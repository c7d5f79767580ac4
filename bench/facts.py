"""The machine and the versions that a table was measured with."""

import os
import platform
import tempfile
from importlib.metadata import version
from pathlib import Path

from bench.process import cores


def machine(folder: Path | None) -> list[str]:
    """Return one line per fact; ``folder`` is where the servers' data is."""
    pair = cores()
    where = (
        "one core shared by servers and generator"
        if pair.shared
        else "servers on one core, generator on another"
    )
    return [
        f"processor: {_processor()}, {os.cpu_count()} cores; {where}",
        f"memory: {os.sysconf('SC_PHYS_PAGES') * os.sysconf('SC_PAGE_SIZE') / 2**30:.0f} GiB",
        f"system: Linux {platform.release()}, data on {_file_system(folder or Path(tempfile.gettempdir()))}",
        f"Python {platform.python_version()}, "
        + ", ".join(f"{name} {version(name)}" for name in ("Twisted", "msgspec", "apsw")),
    ]


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()


def _file_system(folder: Path) -> str:
    best, kind = "", "an unknown file system"
    for line in Path("/proc/mounts").read_text().splitlines():
        _, mount, name, *_ = line.split()
        inside = folder.resolve().is_relative_to(mount)
        if inside and len(mount) >= len(best):
            best, kind = mount, name
    return kind
