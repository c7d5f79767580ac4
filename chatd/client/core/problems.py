"""What can go wrong in the client, as exceptions."""


class ClientError(Exception):
    """What ends a client or a command: a stable ``code`` and one sentence that says what to do."""

    def __init__(self, code: str, text: str) -> None:
        super().__init__(text)
        self.code = code
        self.text = text


class UnansweredError(ClientError):
    """The link went down under a request that cannot be asked twice; whether it was done is not known."""

    def __init__(self) -> None:
        super().__init__("unanswered", "The link went down before the answer came; look whether it was done.")


class OutOfStepError(Exception):
    """The server's answers do not fit what was asked; a new welcome sorts it out."""


class HoleError(Exception):
    """The server left out events without saying so."""
