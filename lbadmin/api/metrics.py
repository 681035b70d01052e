"""/metrics: what Prometheus scrapes."""

from fastapi import APIRouter, Response

from lbadmin.api.auth import Caller
from lbadmin.api.context import ContextDep
from lbadmin.api.problems import RESPONSES
from lbadmin.client import PREFIX
from lbadmin.exposition import MEDIA_TYPE
from lbadmin.metrics import metrics_of

router = APIRouter(prefix=PREFIX, responses=RESPONSES, tags=["operations"])


class _Metrics(Response):
    media_type = MEDIA_TYPE


@router.get("/metrics", operation_id="getMetrics", summary="Read the metrics", response_class=_Metrics)
def get_metrics(context: ContextDep, _: Caller) -> Response:
    """Prometheus' text format: HAProxy's own metrics and the node's."""
    return _Metrics(metrics_of(context))
