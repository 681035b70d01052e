"""uvicorn's server without its clock: it wakes ten times a second to see whether it is to end."""

import asyncio
import contextlib
from types import FrameType

import uvicorn

DATE_S = 1.0
"""How often the answers' Date header is set (RFC 9110, section 6.6.1)."""


class Server(uvicorn.Server):
    """One that a signal wakes. On an emulated processor each of the other's looks takes 2 to 3 ms."""

    _loop: asyncio.AbstractEventLoop | None = None

    async def main_loop(self) -> None:
        """Serve until told to end."""
        self._loop, self._woken = asyncio.get_running_loop(), asyncio.Event()
        while not await self.on_tick(0):  # it sets the header when the counter is a multiple of 10
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._woken.wait(), DATE_S)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Note that a signal has come."""
        super().handle_exit(sig, frame)
        if self._loop is not None:
            self._loop.call_soon_threadsafe(self._woken.set)
