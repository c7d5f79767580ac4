"""Whole daemons for the tests of this folder."""

from tests.end_to_end.harness.fixtures import connect, daemon, make_daemon

__all__ = ["connect", "daemon", "make_daemon"]
