"""Passwords that people type: what is wrong with one is told where the next is typed unseen as well."""

from collections.abc import Awaitable, Callable
from typing import Final, TypeVar

from msgspec import Struct

from chatd.client.core.problems import ClientError
from chatd.wire.errors import Code, RequestError
from chatd.wire.passwords import check_new

T = TypeVar("T")

TRIES: Final = 3
"""Times that a password is asked for; then whoever types has to find out what is wrong."""

_DIFFERENT: Final = "different-passwords"


class Dialogue(Struct, frozen=True):
    """Asks for passwords by ``ask``, and says by ``say`` what is wrong; ``command`` begins it anew."""

    ask: Callable[[str], Awaitable[str]]
    say: Callable[[str], None]
    command: str

    async def new(self, prompt: str, use: Callable[[str], Awaitable[T]]) -> T:
        """Return what ``use`` makes of a new password, which is typed twice."""

        async def attempt() -> T:
            password = await self.ask(prompt)
            check_new(password)
            if await self.ask("The same again") != password:
                raise ClientError(_DIFFERENT, "The two passwords are not the same.")
            return await use(password)

        return await self._repeat(attempt, Code.BAD_PASSWORD, _DIFFERENT)

    async def present(self, prompt: str, use: Callable[[str], Awaitable[T]]) -> T:
        """Return what ``use`` makes of the present password; it refuses a wrong one."""

        async def attempt() -> T:
            return await use(await self.ask(prompt))

        return await self._repeat(attempt, Code.WRONG_PASSWORD)

    async def _repeat(self, attempt: Callable[[], Awaitable[T]], *mistakes: str) -> T:
        """Make an ``attempt`` until none of these ``mistakes`` is made. Raises `ClientError` after a few."""
        for _ in range(TRIES):
            try:
                return await attempt()
            except (ClientError, RequestError) as error:
                if error.code not in mistakes:
                    raise
                self.say(error.text)
        raise ClientError("no-password", f"Nothing was changed; enter {self.command} again.")
