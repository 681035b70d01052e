"""The REST API of lbadmind."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from lbadmin.api import (
    alerts,
    apikeys,
    assistant,
    backup,
    certificates,
    check_scripts,
    console,
    documents,
    graphs,
    ha,
    heartbeat,
    history,
    interfaces,
    layer4,
    layer4_setup,
    licence,
    logs,
    metrics,
    node_services,
    operations,
    pair,
    pair_status,
    peer,
    reports,
    sessions,
    settings,
    support,
    system,
    users,
    virtual_services,
)
from lbadmin.api.audited import Audited
from lbadmin.api.auth import Authorised
from lbadmin.api.context import Context
from lbadmin.api.limits import BodyLimit
from lbadmin.api.problems import Problem, add_handlers
from lbadmin.audit import audit_to
from lbadmin.client import PREFIX

PARTS = (
    settings,
    virtual_services,
    layer4,
    layer4_setup,
    pair_status,
    peer,
    heartbeat,
    assistant,
    backup,
    certificates,
    check_scripts,
    console,
    documents,
    ha,
    history,
    interfaces,
    licence,
    node_services,
    operations,
    pair,
    sessions,
    apikeys,
    logs,
    metrics,
    reports,
    graphs,
    alerts,
    support,
    system,
    users,
)
"""Modules with a router each."""


def create_app(context: Context, ready: Callable[[], None] = lambda: None) -> FastAPI:
    """Return the application; `ready` is called when it serves."""

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        ready()
        yield

    app = FastAPI(
        title="LBVA",
        version="1",
        description="The REST API of the load balancer appliance.",
        openapi_url=f"{PREFIX}/openapi.json",
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        lifespan=lifespan,
    )
    app.state.context = context
    for part in PARTS:
        app.include_router(part.router, dependencies=[Authorised])
    add_handlers(app)
    app.add_middleware(BodyLimit)
    app.add_middleware(Audited, audit=audit_to(context.system))
    app.openapi = lambda: describe(app)  # type: ignore[method-assign] # FastAPI's documented way to extend it
    return app


def describe(app: FastAPI) -> dict[str, Any]:
    """Return the OpenAPI description, with the Problem that every operation may answer."""
    if not app.openapi_schema:
        schema = get_openapi(
            title=app.title, version=app.version, description=app.description, routes=app.routes
        )
        schemas = schema["components"]["schemas"]
        problem = Problem.model_json_schema(ref_template="#/components/schemas/{model}")
        schemas |= problem.pop("$defs")
        schemas["Problem"] = problem
        for unused in ("HTTPValidationError", "ValidationError"):
            schemas.pop(unused, None)
        app.openapi_schema = schema
    return app.openapi_schema
