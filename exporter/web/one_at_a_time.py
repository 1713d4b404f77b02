"""Work that is done one at a time, so that many who ask for it keep nobody else waiting."""

import asyncio
from collections.abc import Callable
from typing import TypeVar

from starlette.concurrency import run_in_threadpool

_WAITING = 32

Result = TypeVar("Result")


class TooManyError(Exception):
    """So many wait already that one more would wait for long."""


class OneAtATime:
    """Has work done by a thread, one piece after another. For one event loop."""

    def __init__(self, *, waiting: int = _WAITING) -> None:
        self._limit = waiting
        self._free = asyncio.Lock()
        self._there = 0

    async def run(self, work: Callable[[], Result]) -> Result:
        """What the work returns or raises. TooManyError when as many as may are waiting."""
        if self._there > self._limit:
            raise TooManyError
        self._there += 1
        try:
            async with self._free:
                return await run_in_threadpool(work)
        finally:
            self._there -= 1
