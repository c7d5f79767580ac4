"""The home folder of the user, where paths that begin with ``~`` lead."""

import os
from pathlib import Path


def expand(path: str) -> Path:
    """Return ``path`` with the home folder that it begins with. Raises `RuntimeError` where there is none.

    HOME set to nothing is no home: what is meant for there would lie in the root folder.
    """
    if path.partition("/")[0] == "~" and os.environ.get("HOME") == "":
        raise RuntimeError("HOME is empty")
    return Path(path).expanduser()
