"""Pairing, begun on a page: it takes longer than a browser should wait for, so it goes on without one."""

import asyncio
from collections.abc import Coroutine
from http import HTTPStatus
from typing import Any, TypeAlias

from lbadmin.bodies import Texts
from lbadmin.web.backend import BackendError, Reply
from lbadmin.web.page import RefusedError

Json: TypeAlias = Any

AT_ONCE_S = 1.0
"""How long the browser waits all the same: what is refused within that time is shown without a detour."""


class Pairing:
    """The last attempt that was begun on this website: what was typed, and why it was refused."""

    def __init__(self) -> None:
        self.texts: Texts = {}
        self.problem: Json | None = None
        self._task: asyncio.Task[None] | None = None

    @property
    def running(self) -> bool:
        """Tell whether lbadmind has not answered yet."""
        return self._task is not None and not self._task.done()

    async def begin(self, order: Coroutine[Any, Any, Reply], texts: Texts) -> None:
        """Let lbadmind pair; return when it is done, or goes on without us. `texts` holds no secret."""
        self.texts, self.problem = texts, None
        self._task = asyncio.create_task(self._carry_out(order))
        await asyncio.wait([self._task], timeout=AT_ONCE_S)

    async def _carry_out(self, order: Coroutine[Any, Any, Reply]) -> None:
        try:
            reply = await order
        except RefusedError as error:
            reply = error.reply
        except BackendError:
            unknown = "lbadmind did not answer in time; what became of the pair is shown on this page"
            self.problem = {"status": HTTPStatus.SERVICE_UNAVAILABLE, "detail": unknown}
            return
        if reply.is_refused:
            self.problem = reply.json()
