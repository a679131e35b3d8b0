"""Threads for calls that wait for Redis.

While Redis is out of reach its callers wait for a timeout. On the event loop's shared threads that
would hold up name look-ups and downloads too, and enough of them let fifty members fail at once
instead of one after another.
"""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import ParamSpec, TypeVar

THREADS = 64

Parameters = ParamSpec("Parameters")
Result = TypeVar("Result")


class Threads:
    """Runs calls of `jobs` for coroutines."""

    def __init__(self) -> None:
        self._pool = ThreadPoolExecutor(THREADS, thread_name_prefix="queue")

    async def run(
        self,
        call: Callable[Parameters, Result],
        *args: Parameters.args,
        **kwargs: Parameters.kwargs,
    ) -> Result:
        """Call a function on a thread of this pool and wait for what it gives."""
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._pool, partial(call, *args, **kwargs))

    def close(self) -> None:
        """Let go of the threads; calls that have not begun are dropped."""
        self._pool.shutdown(wait=False, cancel_futures=True)
