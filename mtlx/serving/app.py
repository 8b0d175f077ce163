"""A scorer over HTTP."""

import contextlib
from collections.abc import Sequence
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
    scorer: Scorer,
    max_rows: int = 64,
    max_wait: float = 0.0,
    max_request_rows: int = 10_000,
) -> FastAPI:
    """``POST /predict`` and ``GET /health`` on a scorer.

    /predict takes ``{"rows": [{column: value, ..}, ..]}`` and gives ``{"rows": [{task:
    answer, ..}, ..]}``: probability, value, or the list of class probabilities. A body
    that does not fit the columns is refused with status 422, each fault by its place.

    Args:
        scorer: answers the rows; every batch size is compiled before the first request.
        max_rows, max_wait: of a micro-batch, see `MicroBatcher`.
        max_request_rows: most rows of one request.
    """
    body = request_model(scorer.signature, max_request_rows)
    tasks = {task.name: task.kind for task in scorer.signature.tasks}

    def answer(rows: Sequence[BaseModel]) -> list[dict[str, Any]]:
        answers = scorer(to_columns(scorer.signature, list(rows)))
        columns = {task: column.tolist() for task, column in answers.items()}
        return [
            dict(zip(columns, row, strict=True))
            for row in zip(*columns.values(), strict=True)
        ]

    batcher = MicroBatcher(answer, max_rows, max_wait)

    @contextlib.asynccontextmanager
    async def lifespan(app: FastAPI):
        scorer.warm_up()
        async with batcher:
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
        return {"status": "ok", "data": scorer.signature.data, "tasks": tasks}

    @app.post("/predict")
    async def predict(request: body) -> dict[str, list[dict[str, Any]]]:
        try:
            return {"rows": list(await batcher(request.rows))}
        except DataError as error:
            detail = [{"loc": ["body", "rows"], "msg": str(error), "type": "data"}]
            raise HTTPException(422, detail) from error

    return app
