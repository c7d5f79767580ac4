"""The watch over logged failures does its work."""

import pytest
from twisted.internet.defer import fail
from twisted.logger import Logger

pytest_plugins = ["pytester"]

_CASES = {
    "an error that is logged": "Logger('x').failure('oops', Failure(ValueError('boo')))",
    "an error in a Deferred that nobody handles": "fail(ValueError('boo'))",
}


@pytest.mark.parametrize("statement", _CASES.values(), ids=_CASES.keys())
def test_failures_fail(pytester, request, statement):
    pytester.makeconftest((request.config.rootpath / "tests" / "conftest.py").read_text())
    pytester.makepyfile(f"""
        from twisted.internet.defer import fail
        from twisted.logger import Logger
        from twisted.python.failure import Failure

        def test_it():
            {statement}
    """)
    result = pytester.runpytest_subprocess("-p", "no:cacheprovider")
    result.assert_outcomes(passed=1, errors=1)
    result.stdout.fnmatch_lines(["*the code logged a failure*", "*ValueError: boo*"])


def test_flushed_failures_pass(flush_failures):
    fail(ValueError("expected"))
    assert [failure.type for failure in flush_failures(ValueError)] == [ValueError]


def test_events_are_kept(logged_events):
    Logger("x").info("hello")
    assert logged_events[-1]["log_format"] == "hello"
