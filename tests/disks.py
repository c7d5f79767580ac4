"""Disks that are small enough to be filled."""

import os
import subprocess
from pathlib import Path

import pytest

PAGE = 4096
"""Bytes that a file grows by."""


def fill(folder: Path) -> Path:
    """Take all the room that is left in ``folder``; return the file that has it."""
    path = folder / "filling"
    handle = os.open(path, os.O_WRONLY | os.O_CREAT)
    try:
        while True:
            os.write(handle, b"x" * PAGE)
    except OSError:
        return path
    finally:
        os.close(handle)


@pytest.fixture
def small_disk(tmp_path):
    """Return a folder on a disk of its own, of two megabytes."""
    if os.geteuid():
        pytest.skip("only root can mount a small disk")
    folder = tmp_path / "disk"
    folder.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", folder], check=False)
    if mounted.returncode:
        pytest.skip("nothing can be mounted here")
    yield folder
    subprocess.run(["umount", "-l", folder], check=True)
