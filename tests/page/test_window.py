"""A log of any length is looked through in both directions, and little of it is held at once."""

import subprocess
from pathlib import Path


def test_each_event_is_seen_once_and_in_order_and_little_is_held():
    played = subprocess.run(
        ["node", Path(__file__).with_name("window.mjs")], capture_output=True, text=True, check=False
    )
    assert played.returncode == 0, played.stderr
