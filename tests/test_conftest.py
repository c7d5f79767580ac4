"""The watch over logged failures does its work."""

from types import SimpleNamespace

import pytest
from twisted.internet.defer import fail
from twisted.logger import Logger

from tests.conftest import MEASURED, SCENES, group_of

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


def test_scenes_are_of_one_group_each():
    assert group_of("tests/network/test_outages.py::test_outage[slow-link-before]") == "network"
    assert group_of("tests/network/test_black_hole.py::test_a_task_ends[put]") == "at once"
    assert group_of("tests/wire/test_frames.py::test_it") is None


def test_every_beginning_of_a_scene_is_one_of_a_test(request):
    root = request.config.rootpath
    for start in (*SCENES, *MEASURED):
        path, _, test = start.partition("::")
        assert (root / path).exists()
        assert not test or f"def {test}" in (root / path).read_text()


class Process:
    """What the scheduler knows of a process: the numbers of the tests that it was given."""

    def __init__(self):
        self.gateway = SimpleNamespace(id="gw")
        self.given = []
        self.shutting_down = False

    def send_runtest_some(self, numbers):
        self.given += numbers

    def shutdown(self):
        self.shutting_down = True


def test_few_run_beside_what_measures_delays_and_more_of_them_behind_it():
    pytest.importorskip("xdist")
    from xdist.remote import Producer  # noqa: PLC0415 - it need not be there

    from tests.scheduling import Scheduling  # noqa: PLC0415

    option = SimpleNamespace(loadscopereorder=True, maxprocesses=None)
    config = SimpleNamespace(option=option, getvalue={"tx": ["4*popen"]}.get)
    names = ["measured 1", "measured 2", *(f"test {number}" for number in range(20))]
    sched = Scheduling(
        config,
        Producer("x"),
        lambda name: "group" if "measured" in name else None,
        lambda _: True,
        lambda name: "measured" in name,
        2,
    )
    processes = [Process() for _ in range(4)]
    for one in processes:
        sched.add_node(one)
    for one in processes:
        sched.add_node_collection(one, names)
    sched.schedule()
    assert [len(one.given) for one in processes] == [3, 2, 0, 0]
    sched.mark_test_complete(processes[0], 0)
    sched.mark_test_complete(processes[1], processes[1].given[0])
    assert [len(one.given) for one in processes[2:]] == [0, 0]
    sched.mark_test_complete(processes[0], 1)
    assert [len(one.given) for one in processes[2:]] == [2, 2]
    done = {0, 1, processes[1].given.pop(0)}
    del processes[0].given[:2]
    while not sched.tests_finished:
        for one in processes:
            if one.given:
                done.add(one.given[0])
                sched.mark_test_complete(one, one.given.pop(0))
    assert done | {number for one in processes for number in one.given} == set(range(22))
    assert all(one.shutting_down for one in processes)


@pytest.mark.parametrize("told", [None, "fail"])
def test_what_is_skipped_though_all_is_there_fails(pytester, request, monkeypatch, told):
    monkeypatch.setenv("CHATD_SKIPS", told) if told else monkeypatch.delenv("CHATD_SKIPS", raising=False)
    pytester.makeconftest((request.config.rootpath / "tests" / "conftest.py").read_text())
    pytester.makepyfile("""
        import pytest

        @pytest.mark.skipif(True, reason="needs lnav")
        def test_by_a_mark():
            pass

        @pytest.fixture
        def scene():
            pytest.skip("node is not installed: apt-get install nodejs")

        def test_by_a_fixture(scene):
            pass

        def test_by_a_kernel():
            pytest.skip("there is no /dev/net/tun to make loss and delay with")
    """)
    result = pytester.runpytest_subprocess("-p", "no:cacheprovider")
    if told:
        result.assert_outcomes(errors=2, skipped=1)
        result.stdout.fnmatch_lines(["*node is not installed*, though all that tests want should be here"])
    else:
        result.assert_outcomes(skipped=3)


def test_one_process_plays_a_group(pytester, request):
    """Whatever the versions of pytest and pytest-xdist do."""
    pytest.importorskip("xdist")
    pytester.makeconftest((request.config.rootpath / "tests" / "conftest.py").read_text())
    folder = pytester.mkdir("tests").joinpath("network")
    folder.mkdir()
    for name in "abc":
        folder.joinpath(f"test_{name}.py").write_text(
            "import os, pytest\n\n"
            "@pytest.mark.parametrize('number', range(4))\n"
            "def test_it(number):\n    print('by', os.environ['PYTEST_XDIST_WORKER'], os.nice(0))\n"
        )
    result = pytester.runpytest_subprocess("-n", "2", "-rP", "-p", "no:cacheprovider")
    result.assert_outcomes(passed=12)
    assert len({line for line in result.stdout.lines if line.startswith("by gw")}) == 1
