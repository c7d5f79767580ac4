"""The question whether a server is the right one."""

from chatd.client.cli.trusting import question
from chatd.fingerprint import read


def test_the_question_of_trust_fits_a_terminal_and_its_fingerprint_can_be_copied():
    digits = "7f" * 32
    rows = question("tls://chat.example.org:7412", digits).split("\n")
    assert max(map(len, rows)) <= 80
    assert f"  {digits}" in rows
    words = rows[rows.index("or, in words,") + 1 : -2]
    assert read(" ".join(words)) == digits
