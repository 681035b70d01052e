"""Local Configuration: the clock, and Physical – Advanced Configuration."""

from starlette.responses import Response

from lbadmin.catalogue_node import PHYSICAL, TIME
from lbadmin.web.editor import Editor, act
from lbadmin.web.page import Page, button, route

TIME_PAGE = "/lbadmin/local/time"
PHYSICAL_PAGE = "/lbadmin/local/physical"


async def system_time(page: Page) -> Response:
    """Show the clock; change time zone and time servers."""
    editor = Editor(
        title="System Date & Time",
        sections=(TIME,),
        cancel=TIME_PAGE,
        resource="/node",
        document="node",
        template="time.html",
        extra={"clock": await page.get("/node/time")},
        done=lambda _: (TIME_PAGE, "The change of the time settings is in effect."),
    )
    return await editor.respond(page)


async def clock(page: Page) -> Response:
    """Show how the clock is, for a page that is open to refresh itself."""
    if not page.by_htmx:
        return page.done(TIME_PAGE)
    return page.part("clock.html", clock=await page.get("/node/time"))


async def physical(page: Page) -> Response:
    """Change proxy, firewall table, SMTP relay and syslog server."""
    editor = Editor(
        title="Physical – Advanced Configuration",
        sections=PHYSICAL,
        cancel=PHYSICAL_PAGE,
        resource="/node",
        document="node",
        template="physical.html",
        extra={"mail": (await page.get("/node"))["mail"]},
        done=lambda _: (PHYSICAL_PAGE, "The change of the settings is in effect."),
    )
    return await editor.respond(page)


async def test_mail(page: Page) -> Response:
    """Send a test mail by the relay that is in effect."""
    recipients = ", ".join((await page.get("/node"))["mail"]["recipients"])
    notice = f"The relay has taken a test mail to {recipients}."
    return await act(page, "POST", "/node/mail/test", back=PHYSICAL_PAGE, notice=notice)


ROUTES = [
    route(TIME_PAGE, system_time, posts=True),
    route(f"{TIME_PAGE}/clock", clock),
    route(PHYSICAL_PAGE, physical, posts=True),
    button(f"{PHYSICAL_PAGE}/test-mail", test_mail),
]
