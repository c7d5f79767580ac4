"""Whole daemons for the tests of this folder."""

import pytest

from tests.disks import small_disk
from tests.end_to_end.harness.certificates import make_certificate
from tests.end_to_end.harness.fixtures import connect, daemon, make_daemon, start_chatc

__all__ = ["certificate", "connect", "daemon", "make_daemon", "small_disk", "start_chatc"]


@pytest.fixture
def certificate(tmp_path):
    """Return a function that makes a self-signed certificate and its key, as two files."""
    return lambda name="localhost": make_certificate(tmp_path, name)
