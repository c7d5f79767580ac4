"""docs/WEBHOOKS.md is true: its check of a signature takes what is sent, and nothing else."""

import hashlib
import hmac
import re
import time
from collections.abc import Mapping
from pathlib import Path

from chatd.webhooks.signing import sign

PAGE = (Path(__file__).parents[2] / "docs" / "WEBHOOKS.md").read_text()


def test_the_check_of_the_page_takes_what_is_sent_and_nothing_else():
    (source,) = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    assert len(source.splitlines()) <= 6
    names = {"hmac": hmac, "hashlib": hashlib, "time": time, "Mapping": Mapping}
    exec(source, names)
    check, now, body = names["is_genuine"], int(time.time()), "{…}".encode()
    headers = {"Chatd-Timestamp": str(now), "Chatd-Signature": sign("secret", now, body)}
    assert check("secret", headers, body)
    assert not check("other", headers, body)
    assert not check("secret", headers, body + b" ")
    assert not check("secret", headers | {"Chatd-Timestamp": str(now + 1)}, body)
    old = {"Chatd-Timestamp": str(now - 999), "Chatd-Signature": sign("secret", now - 999, body)}
    assert not check("secret", old, body)
