"""A scorer over HTTP."""

import contextlib
import functools
from collections.abc import Callable, Sequence
from typing import Any

from fastapi import FastAPI, HTTPException, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel

import mtlx
from mtlx.data.errors import DataError
from mtlx.serving.batcher import MicroBatcher
from mtlx.serving.request import request_model, to_columns
from mtlx.serving.scorer import Scorer


def make_app(
    scorer: Scorer | None,
    max_rows: int = 64,
    max_wait: float = 0.0,
    max_request_rows: int = 10_000,
    recommender: Scorer | None = None,
) -> FastAPI:
    """``POST /predict``, ``POST /recommend`` and ``GET /health`` on scorers.

    /predict takes ``{"rows": [{column: value, ..}, ..]}`` and gives ``{"rows": [{task:
    answer, ..}, ..]}``: probability, value, or the list of class probabilities.
    /recommend takes the columns of queries and gives lists of items and scores. A body
    that does not fit the columns is refused with status 422, each fault by its place.

    Args:
        scorer: answers the rows of /predict; every batch size is compiled before the
            first request. None: there is no such route.
        recommender: answers those of /recommend.
        max_rows, max_wait: of a micro-batch, see `MicroBatcher`.
        max_request_rows: most rows of one request.

    Raises:
        ValueError: neither a scorer nor a recommender.
    """
    routes = {"/predict": scorer, "/recommend": recommender}
    scorers = {path: each for path, each in routes.items() if each is not None}
    if not scorers:
        raise ValueError("Expected a scorer or a recommender, found neither.")
    signatures = [each.signature for each in scorers.values()]
    tasks = {task.name: task.kind for task in signatures[0].tasks}
    batchers = {
        path: MicroBatcher(functools.partial(_answer, each), max_rows, max_wait)
        for path, each in scorers.items()
    }

    @contextlib.asynccontextmanager
    async def lifespan(app: FastAPI):
        for each in scorers.values():
            each.warm_up()
        async with contextlib.AsyncExitStack() as stack:
            for batcher in batchers.values():
                await stack.enter_async_context(batcher)
            yield

    app = FastAPI(title="mtlx", version=mtlx.__version__, lifespan=lifespan)

    @app.exception_handler(RequestValidationError)
    async def refuse(_: Request, error: RequestValidationError) -> JSONResponse:
        # Without the input, which the default answer repeats at every fault.
        faults = [
            {key: f[key] for key in ("loc", "msg", "type")} for f in error.errors()
        ]
        return JSONResponse({"detail": faults}, 422)

    @app.get("/health")
    async def health() -> dict[str, Any]:
        return {"status": "ok", "data": signatures[0].data, "tasks": tasks}

    for path, batcher in batchers.items():
        body = request_model(scorers[path].signature, max_request_rows)
        app.post(path)(_route(batcher, body, path.strip("/")))
    return app


def _answer(scorer: Scorer, rows: Sequence[BaseModel]) -> list[dict[str, Any]]:
    return scorer.rows(to_columns(scorer.signature, list(rows)))


def _route(batcher: MicroBatcher, body: type[BaseModel], name: str) -> Callable:
    async def route(request: body) -> dict[str, list[dict[str, Any]]]:
        try:
            return {"rows": list(await batcher(request.rows))}
        except DataError as error:
            detail = [{"loc": ["body", "rows"], "msg": str(error), "type": "data"}]
            raise HTTPException(422, detail) from error

    route.__name__ = name  # that the schema of the routes shows
    return route
