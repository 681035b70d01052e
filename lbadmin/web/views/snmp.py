"""Local Configuration: SNMP Configuration."""

from starlette.responses import Response

from lbadmin.catalogue_snmp import SNMP_SECTIONS
from lbadmin.web.editor import Editor
from lbadmin.web.page import Page, route

SNMP_PAGE = "/lbadmin/local/snmp"


async def snmp(page: Page) -> Response:
    """Change who may read the counters by SNMP."""
    editor = Editor(
        title="SNMP Configuration",
        intro="Network management systems read this appliance's counters by SNMP.",
        sections=SNMP_SECTIONS,
        cancel=SNMP_PAGE,
        resource="/node",
        document="node",
        template="snmp.html",
        done=lambda _: (SNMP_PAGE, "The change of SNMP is in effect."),
    )
    return await editor.respond(page)


ROUTES = [route(SNMP_PAGE, snmp, posts=True)]
