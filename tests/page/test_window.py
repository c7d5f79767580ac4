"""What is loaded of a long log, what disturbs somebody, and what is chosen: the scripts say what they try."""

import subprocess
from pathlib import Path

import pytest


@pytest.mark.parametrize("script", ["window.mjs", "views.mjs"])
def test_in_node(script):
    played = subprocess.run(
        ["node", Path(__file__).with_name(script)], capture_output=True, text=True, check=False
    )
    assert played.returncode == 0, played.stderr
