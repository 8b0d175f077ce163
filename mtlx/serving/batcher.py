"""Requests that come at the same time, answered together."""

import asyncio
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

Rows = Sequence[Any]
Answer = Callable[[Rows], Rows]


class _Request(NamedTuple):
    rows: Rows
    answer: asyncio.Future


class MicroBatcher:
    """Collects rows until there are `max_rows`, or `max_wait` is over.

    One forward pass costs about the same for 1 row as for 64, so rows of several
    requests share one. Requests that come while a pass runs wait for the next, which
    then starts at once: under load nobody waits for the clock, and with `max_wait` 0
    nobody ever does.

    An error belongs to the request that caused it: if a joint pass fails, each of its
    requests is answered by itself.

    Args:
        answer: rows -> one answer a row; called in a thread, one call at a time.
        max_rows: that are answered together; a request of more is not cut.
        max_wait: seconds that the first request of a batch waits for others.

    Raises:
        ValueError: max_rows below 1, or a time below 0.
    """

    def __init__(self, answer: Answer, max_rows: int, max_wait: float) -> None:
        if max_rows < 1 or max_wait < 0:
            raise ValueError(
                f"Expected max_rows >= 1 and max_wait >= 0, found {max_rows} and "
                f"{max_wait}. Mend max_rows, max_wait_ms."
            )
        self._answer, self._max_rows, self._max_wait = answer, max_rows, max_wait
        self._queue: asyncio.Queue[_Request | None] = asyncio.Queue()
        self._worker: asyncio.Task | None = None

    async def __aenter__(self) -> "MicroBatcher":
        self._worker = asyncio.create_task(self._work())
        return self

    async def __aexit__(self, *exception: Any) -> None:
        """Answers what is waiting, then ends."""
        await self._queue.put(None)
        await self._worker

    async def __call__(self, rows: Rows) -> Rows:
        """The answers for the rows of one request."""
        request = _Request(rows, asyncio.get_running_loop().create_future())
        await self._queue.put(request)
        return await request.answer

    async def _work(self) -> None:
        closing = False
        while not closing:
            first = await self._queue.get()
            if first is None:
                break
            batch, closing = await self._collect(first)
            await self._reply(batch)

    async def _collect(self, first: _Request) -> tuple[list[_Request], bool]:
        """A batch, and whether the end was among what came."""
        batch, count = [first], len(first.rows)
        end = asyncio.get_running_loop().time() + self._max_wait
        while count < self._max_rows:
            try:
                if self._queue.empty():
                    async with asyncio.timeout_at(end):
                        request = await self._queue.get()
                else:
                    request = self._queue.get_nowait()
            except TimeoutError:
                break
            if request is None:
                return batch, True
            batch.append(request)
            count += len(request.rows)
        return batch, False

    async def _reply(self, batch: list[_Request]) -> None:
        rows = [row for request in batch for row in request.rows]
        try:
            answers = await asyncio.to_thread(self._answer, rows)
        except Exception as error:
            if len(batch) == 1:
                _settle(batch[0].answer, error=error)
                return
            for request in batch:
                await self._reply([request])
            return
        start = 0
        for request in batch:
            stop = start + len(request.rows)
            _settle(request.answer, answers[start:stop])
            start = stop


def _settle(
    future: asyncio.Future, answers: Rows = (), error: Exception | None = None
) -> None:
    if future.done():  # who asked is gone
        return
    if error is not None:
        future.set_exception(error)
    else:
        future.set_result(answers)
