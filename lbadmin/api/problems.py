"""Errors as answers: application/problem+json (RFC 9457), one sentence in `detail`, an entry per field."""

import logging
from http import HTTPStatus
from typing import Any, cast

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel
from starlette.exceptions import HTTPException

from lbadmin.errors import Fault, LbadminError, RefusedError, StorageError, ThrottledError
from lbadmin.sentences import faults_of, show

MEDIA_TYPE = "application/problem+json"

log = logging.getLogger(__name__)


class ProblemError(BaseModel):
    """One refused value."""

    field: str
    value: Any
    message: str


class Problem(BaseModel):
    """Why a request was not carried out (RFC 9457)."""

    type: str = "about:blank"
    title: str
    status: int
    detail: str
    errors: list[ProblemError] = []


_MEANINGS = {
    400: "The body or a header could not be read.",
    401: "The credentials are missing or not right.",
    403: "The caller may not do this.",
    404: "There is no such resource.",
    409: "The label, or the address and port, are taken; or the pair can't do this now.",
    412: "The resource changed since it was read (If-Match).",
    413: "The body is larger than 2 MiB.",
    422: "A value breaks a rule; nothing was changed.",
    429: "Too many failed logins; Retry-After says when to try again.",
    500: "The change could not be put into effect; the last good configuration is back.",
    503: "HAProxy, or the other node of the pair, does not answer.",
    507: "The storage is full or failed; nothing was changed.",
}

RESPONSES: dict[int | str, dict[str, Any]] = {
    status: {
        "description": meaning,
        "content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}},
    }
    for status, meaning in _MEANINGS.items()
}
"""What every operation may answer besides its success, for the OpenAPI description."""

CREATED: dict[str, Any] = {
    "status_code": 201,
    "responses": {201: {"headers": {"Location": {"schema": {"type": "string"}}}}},
}
"""Arguments of a route that adds a resource."""


def problem(
    status: int, detail: str, faults: list[Fault] | None = None, headers: dict[str, str] | None = None
) -> JSONResponse:
    """Return the answer that tells a problem."""
    body = Problem(
        title=HTTPStatus(status).phrase,
        status=status,
        detail=detail,
        errors=[ProblemError(field=f.field, value=f.value, message=f.message) for f in faults or []],
    )
    extra = dict(headers or {})
    if status == HTTPStatus.UNAUTHORIZED:
        extra["WWW-Authenticate"] = 'Basic realm="lbadmin", charset="UTF-8"'
    return JSONResponse(body.model_dump(), status, extra, MEDIA_TYPE)


def add_handlers(app: FastAPI) -> None:
    """Make the app answer every error as a problem."""
    app.add_exception_handler(LbadminError, _on_lbadmin_error)
    app.add_exception_handler(RequestValidationError, _on_invalid_request)
    app.add_exception_handler(HTTPException, _on_http_exception)
    app.add_exception_handler(OSError, _on_os_error)
    app.add_exception_handler(Exception, _on_bug)


def _on_lbadmin_error(_: Request, error: Exception) -> JSONResponse:
    known = cast("LbadminError", error)
    faults = known.faults if isinstance(known, RefusedError) else None
    headers = {"Retry-After": str(known.retry_after_s)} if isinstance(known, ThrottledError) else None
    return problem(known.status, known.sentence, faults, headers)


def _on_invalid_request(request: Request, error: Exception) -> JSONResponse:
    invalid = cast("RequestValidationError", error)
    errors = invalid.errors()
    if errors[0]["type"] == "json_invalid":
        reason = errors[0].get("ctx", {}).get("error", "")
        return problem(400, f"the body is not JSON: {reason} at character {errors[0]['loc'][-1]}")
    owners = [request.path_params[name] for name in ("server", "label") if name in request.path_params]
    stripped = [{**each, "loc": each["loc"][1:]} for each in errors]
    faults = faults_of(stripped, invalid.body, " in ".join(map(show, owners)))
    return problem(422, faults[0].message, faults)


def _on_http_exception(request: Request, error: Exception) -> JSONResponse:
    known = cast("HTTPException", error)
    detail = {
        401: "the credentials can't be read; send HTTP Basic authentication or the token of a session",
        404: f"there is nothing at {show(request.url.path)}; openapi.json lists what there is",
        405: f"{request.method} is not allowed at {show(request.url.path)}; openapi.json lists what is",
    }.get(known.status_code, str(known.detail))
    return problem(known.status_code, detail, headers=dict(known.headers or {}))


def _on_os_error(request: Request, error: Exception) -> JSONResponse:
    log.error("%s %s failed", request.method, request.url.path, exc_info=error)
    reason = cast("OSError", error).strerror
    return problem(StorageError.status, f"the appliance could not read or write its files: {reason}")


def _on_bug(_: Request, __: Exception) -> JSONResponse:
    # uvicorn logs the exception; the caller learns nothing about the inside.
    return problem(500, "lbadmind failed unexpectedly; its journal has the reason")
