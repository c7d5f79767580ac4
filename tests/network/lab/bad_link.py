"""A bad link between two namespaces: packets take their time, and some never come.

    python -m tests.network.lab.bad_link NAMESPACE NAMESPACE DELAY LOSS [SEED]

It makes ``bad0`` in both namespaces and carries IP packets between them:
each is late by DELAY seconds, and LOSS of them (0 to 1) are lost, in each direction. It says ``ready``.
Written for kernels without netem; the same SEED loses the same each time.
"""

import asyncio
import ctypes
import fcntl
import os
import random
import struct
import sys
from pathlib import Path
from typing import Final

_TUNSETIFF: Final = 0x400454CA
_IFF_TUN: Final = 0x0001
_IFF_NO_PI: Final = 0x1000
_CLONE_NEWNET: Final = 0x40000000
_NAME: Final = "bad0"
_LARGEST: Final = 65_535


def open_tun(namespace: str) -> int:
    """Make the device in ``namespace`` and return its descriptor."""
    with Path(f"/run/netns/{namespace}").open() as there:
        if ctypes.CDLL(None, use_errno=True).setns(there.fileno(), _CLONE_NEWNET):
            raise OSError(ctypes.get_errno(), f"cannot enter {namespace}")
    fd = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
    fcntl.ioctl(fd, _TUNSETIFF, struct.pack("16sH22x", _NAME.encode(), _IFF_TUN | _IFF_NO_PI))
    return fd


class Carrier:
    """Carries packets from one descriptor to another."""

    def __init__(self, loop: asyncio.AbstractEventLoop, delay: float, loss: float, seed: int) -> None:
        self._loop = loop
        self._delay = delay
        self._loss = loss
        self._random = random.Random(seed)

    def carry(self, source: int, target: int) -> None:
        """Take every packet that ``source`` has."""
        while True:
            try:
                packet = os.read(source, _LARGEST)
            except BlockingIOError:
                return
            if self._random.random() >= self._loss:
                self._loop.call_later(self._delay, self._deliver, target, packet)

    @staticmethod
    def _deliver(target: int, packet: bytes) -> None:
        try:
            os.write(target, packet)
        except OSError:
            return  # The device is down, or its queue is full: one more packet is lost.


async def main(near: str, far: str, delay: str, loss: str, seed: str = "0") -> None:
    """Carry packets until killed."""
    loop = asyncio.get_running_loop()
    ends = open_tun(near), open_tun(far)
    for way, (source, target) in enumerate((ends, ends[::-1])):
        carrier = Carrier(loop, float(delay), float(loss), 2 * int(seed) + way)
        loop.add_reader(source, carrier.carry, source, target)
    print("ready", flush=True)  # noqa: T201 - who started it waits for that
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
