"""Maintenance: restarting services and the machine, and going back to the factory's state."""

from starlette.responses import Response

from lbadmin.catalogue import Field
from lbadmin.web.editor import act
from lbadmin.web.page import Page, button, route
from lbadmin.web.render import render
from lbadmin.web.views import ha

RESTART = "/lbadmin/maintenance/restart"
SYSTEM = "/lbadmin/maintenance/system"
RESET = "/lbadmin/maintenance/factory-reset"
RESET_WORD = "reset"

CONFIRM = Field(
    "confirm",
    f"Type {RESET_WORD} to confirm",
    "text",
    help="A guard against a click by mistake: nothing happens without this word.",
    required=True,
)


async def restart(page: Page) -> Response:
    """Show the buttons of the services with the consequence of each."""
    told = await page.get("/messages")
    waiting = [each["text"] for each in told["messages"] if each["action"] == "restart-haproxy"]
    return await page.show("restart.html", told=told, waiting=waiting)


async def reload_haproxy(page: Page) -> Response:
    """Reload HAProxy."""
    notice = "HAProxy was reloaded: new connections use the current settings."
    return await act(page, "POST", "/services/haproxy/reload", back=RESTART, notice=notice)


async def restart_haproxy(page: Page) -> Response:
    """Restart HAProxy."""
    notice = "HAProxy was restarted: all connections use the current settings."
    return await act(page, "POST", "/services/haproxy/restart", back=RESTART, notice=notice)


async def restart_heartbeat(page: Page) -> Response:
    """Restart heartbeat, in a pair on both nodes."""
    return await ha.restart_heartbeat(page, RESTART)


async def system(page: Page) -> Response:
    """Show the buttons of the machine."""
    return await page.show("system.html")


async def reboot(page: Page) -> Response:
    """Ask, then restart the machine."""
    if page.posted:
        return await _leave(
            page,
            "/system/reboot",
            "The appliance restarts",
            "It serves clients again in about a minute. Then log in again.",
        )
    return await page.show(
        "confirm.html",
        title="Restart the appliance?",
        text="All connections end, and nothing is served for about a minute. The configuration stays.",
        cancel=SYSTEM,
        submit="Restart",
    )


async def shut_down(page: Page) -> Response:
    """Ask, then shut the machine down."""
    if page.posted:
        return await _leave(
            page,
            "/system/shutdown",
            "The appliance shuts down",
            "Start it again at the hypervisor, or by its power button.",
        )
    return await page.show(
        "confirm.html",
        title="Shut down the appliance?",
        text="All connections end, and nothing is served until somebody starts the machine again: at the "
        "hypervisor or by its power button, not from here. The configuration stays.",
        cancel=SYSTEM,
        submit="Shut down",
    )


async def factory_reset(page: Page) -> Response:
    """Ask for the word, then go back to the factory's state."""
    typed, error = "", ""
    if page.posted:
        typed = str((await page.form()).get(CONFIRM.path, "")).strip()
        if typed == RESET_WORD:
            return await _leave(
                page,
                "/system/factory-reset",
                "The appliance goes back to its factory state",
                "In about a minute it is at "
                "https://192.168.2.21:9443/lbadmin/ with the password loadbalancer.",
            )
        error = f"This is not the word {RESET_WORD}; nothing was changed."
    status = 422 if error else 200
    return await page.show("reset.html", status, field=CONFIRM, typed=typed, error=error, cancel="/lbadmin/")


async def _leave(page: Page, path: str, title: str, message: str) -> Response:
    """Carry out what ends this website, and say so on a page that needs nothing of it."""
    await page.form()
    reply = await page.send("POST", path)
    if reply.is_refused:
        return await page.refused(reply)
    return render("message.html", title=title, message=message)


ROUTES = [
    route(RESTART, restart),
    button(f"{RESTART}/reload", reload_haproxy),
    button(f"{RESTART}/restart", restart_haproxy),
    button(f"{RESTART}/heartbeat", restart_heartbeat),
    route(SYSTEM, system),
    route(f"{SYSTEM}/reboot", reboot, posts=True),
    route(f"{SYSTEM}/shutdown", shut_down, posts=True),
    route(RESET, factory_reset, posts=True),
]
