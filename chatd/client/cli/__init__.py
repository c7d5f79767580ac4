"""chatc: the commands and the interactive line client."""


def main() -> None:
    """Run chatc."""
