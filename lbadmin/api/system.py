"""/system: the machine's own buttons."""

import logging

from fastapi import APIRouter

from lbadmin.activate import run_program
from lbadmin.api.auth import Caller, Person
from lbadmin.api.context import Context, ContextDep
from lbadmin.api.problems import RESPONSES
from lbadmin.client import PREFIX
from lbadmin.reset import request_reset

router = APIRouter(prefix=f"{PREFIX}/system", responses=RESPONSES, tags=["operations"])

log = logging.getLogger(__name__)


@router.post("/reboot", operation_id="reboot", summary="Reboot the appliance", status_code=202)
def reboot(context: ContextDep, who: Caller) -> None:
    """All connections end; it serves again as soon as it has booted."""
    _systemctl(context, "reboot", who)


@router.post("/shutdown", operation_id="shutDown", summary="Shut the appliance down", status_code=202)
def shut_down(context: ContextDep, who: Caller) -> None:
    """All connections end; only the machine's power button or its hypervisor starts it again."""
    _systemctl(context, "poweroff", who)


@router.post(
    "/factory-reset", operation_id="factoryReset", summary="Go back to factory settings", status_code=202
)
def factory_reset(context: ContextDep, who: Person) -> None:
    """Reboots and removes configuration, history, password, API keys, certificates and keys; logs stay.

    Not to be done with an API key: whoever has a leaked one would then know the password.
    """
    request_reset(context.system, who)
    _systemctl(context, "reboot", who)


def _systemctl(context: Context, verb: str, who: str) -> None:
    log.warning("%s asked for by %s", verb, who)
    run_program(context.system, "systemctl", verb)
