"""/support: everything that somebody who helps from afar asks for, as one download."""

from fastapi import APIRouter, Response

from lbadmin.api.auth import Caller
from lbadmin.api.context import ContextDep
from lbadmin.api.problems import RESPONSES
from lbadmin.client import PREFIX
from lbadmin.status import status_of
from lbadmin.support import file_name, support_file

MEDIA_TYPE = "application/gzip"

router = APIRouter(prefix=PREFIX, responses=RESPONSES, tags=["operations"])


class _Archive(Response):
    media_type = MEDIA_TYPE


@router.get(
    "/support", operation_id="getSupport", summary="Download the support file", response_class=_Archive
)
def get_support(context: ContextDep, _: Caller) -> Response:
    """A gzipped tar: documents, rendered files, status, journals, versions; no secrets."""
    content = support_file(context.system, context.changes, context.haproxy, status_of(context))
    name = file_name(context.system)
    return _Archive(content, headers={"Content-Disposition": f'attachment; filename="{name}"'})
