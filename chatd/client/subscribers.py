"""Whoever hears the notices of a client."""

from collections.abc import AsyncIterator, Callable
from functools import partial

from twisted.internet.defer import Deferred

from chatd.client.core.notices import Notice, Stopped


class Subscribers:
    """The callbacks that are called with every notice."""

    def __init__(self) -> None:
        self._callbacks: list[Callable[[Notice], None]] = []

    def add(self, callback: Callable[[Notice], None]) -> Callable[[], None]:
        """Call ``callback`` with every notice from now on; the returned function ends that."""
        self._callbacks.append(callback)
        return partial(self._callbacks.remove, callback)

    def tell(self, notice: Notice) -> None:
        """Tell everybody who subscribes in this moment."""
        for callback in list(self._callbacks):
            callback(notice)

    async def notices(self) -> AsyncIterator[Notice]:
        """Yield every notice from now on, the last being `Stopped`."""
        heard: list[Notice] = []
        wake: list[Deferred[None]] = []

        def hear(notice: Notice) -> None:
            heard.append(notice)
            if wake:
                wake.pop().callback(None)

        unsubscribe = self.add(hear)
        try:
            while True:
                while heard:
                    notice = heard.pop(0)
                    yield notice
                    if isinstance(notice, Stopped):
                        return
                wake.append(Deferred())
                await wake[0]
        finally:
            unsubscribe()
