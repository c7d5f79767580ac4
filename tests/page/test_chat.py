"""What a window shows is the sum of the log, whatever order pages, answers and events come in."""

import random
import subprocess
from pathlib import Path

from tests.examples import examples


def test_any_order_of_pages_answers_and_events_ends_in_the_same_view():
    first = random.randrange(1 << 30)
    script = Path(__file__).with_name("chat.mjs")
    played = subprocess.run(
        ["node", script, str(first), str(first + examples(2000))], capture_output=True, text=True, check=False
    )
    assert played.returncode == 0, played.stderr
