"""The schema of the JSON log is one, says what OPERATIONS says, and finds what does not fit."""

import json

import pytest
from jsonschema import Draft202012Validator
from twisted.logger import LogLevel
from twisted.python.failure import Failure

from chatd.ops.event_lines import json_line
from chatd.ops.log import KEY, Said
from tests.log_schema import SCHEMA, faults, validator
from tools.log_schema import schema


def line(name, failure=None, **fields):
    event = {
        "log_time": 1.5,
        "log_level": LogLevel.info,
        "log_failure": failure,
        KEY: Said(name, "A sentence.", fields),
    }
    return json.loads(json_line(event))


def test_it_is_written_by_the_tool_and_is_a_schema():
    assert json.loads(SCHEMA.read_text()) == schema(), "run: python tools/log_schema.py"
    Draft202012Validator.check_schema(schema())


def test_lines_of_the_daemon_and_of_libraries_fit():
    validator().validate(line("client-in", nick="ann", session=7, resumed=True, suppressed=None))
    validator().validate(line("reaped", silence=8.004, unheard_of="secret"))
    validator().validate(line("commit-fault", failure=Failure(ValueError("x"))))
    validator().validate(json.loads(json_line({"log_format": "hello", "log_namespace": "twisted.x"})))


@pytest.mark.parametrize(
    "wrong", [{"session": "7"}, {"silence": "8 s"}, {"resumed": 1}, {"nick": 7}, {"duration": True}]
)
def test_a_field_of_another_type_does_not_fit(wrong):
    assert not validator().is_valid(line("client-in", **wrong))


def test_an_event_that_nobody_explains_is_found():
    said = {KEY: Said("never-heard-of", "", {"session": object})}
    assert len(faults([said, said, {"log_format": "of a library"}])) == 2
