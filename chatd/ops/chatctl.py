"""chatctl: the operators' command."""


def main() -> None:
    """Run chatctl."""
