"""Pins: kept for one origin, until they are changed or dropped."""

from dataclasses import replace

import pytest

from chatd.client.core.address import parse_address
from chatd.client.profile.pins import agreed, knows
from chatd.client.values import Options

ONE, TWO = "1" * 64, "2" * 64


@pytest.fixture
def options(tmp_path):
    return Options(server=parse_address("tls://chat.example"), folder=tmp_path)


def test_a_pin_is_kept_for_the_next_run(options):
    assert agreed(options) == ""
    assert not list(options.folder.iterdir()), "no profile is made to look for a pin"
    assert not knows(options)
    assert agreed(replace(options, fingerprint=ONE)) == ONE
    assert agreed(options) == ONE
    assert knows(options)
    assert agreed(replace(options, fingerprint=TWO)) == TWO
    assert agreed(options) == TWO
    assert agreed(replace(options, fingerprint="none")) == ""
    assert agreed(options) == ""


@pytest.mark.parametrize("other", ["tls://chat.example:7413", "tls://other.example", "chat.example"])
def test_a_pin_is_for_one_origin(options, other):
    agreed(replace(options, fingerprint=ONE))
    elsewhere = replace(options, server=parse_address(other))
    assert agreed(elsewhere) == ""
    assert not knows(elsewhere)
    assert agreed(replace(options, server=parse_address("tls://CHAT.example.:7412"))) == ONE


def test_another_profile_has_pins_of_its_own(options):
    agreed(replace(options, fingerprint=ONE))
    assert agreed(replace(options, profile="work")) == ""


def test_authorities_that_are_named_are_asked_instead(options):
    agreed(replace(options, fingerprint=ONE))
    assert agreed(replace(options, ca="ca.pem")) == ""


def test_nothing_is_kept_without_a_profile(options):
    nowhere = replace(options, profile=None)
    assert agreed(replace(nowhere, fingerprint=ONE)) == ONE
    assert agreed(nowhere) == ""
    assert not list(options.folder.iterdir())
