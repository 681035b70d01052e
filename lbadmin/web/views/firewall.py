"""Maintenance: the firewall's script and lockdown, and who logs in by SSH."""

from ipaddress import ip_address, ip_interface, ip_network
from typing import Any, TypeAlias

from starlette.responses import Response

from lbadmin.bodies import body_of
from lbadmin.catalogue import Section
from lbadmin.catalogue_firewall import FIREWALL_SCRIPT, LOCKDOWN, SSH
from lbadmin.web.editor import Editor
from lbadmin.web.forms import sent_texts
from lbadmin.web.page import Page, client_of, route

Json: TypeAlias = Any

SCRIPT_PAGE = "/lbadmin/maintenance/firewall"
LOCKDOWN_PAGE = "/lbadmin/maintenance/lockdown"
SSH_PAGE = "/lbadmin/maintenance/ssh"
KEEP = "is in effect. Keep it within a minute, or it is taken back."

SAMPLE = """\
table inet mine {
    set suppliers {
        type ipv4_addr; flags interval
        elements = { 198.51.100.0/24, 203.0.113.7 }
    }
    chain input {
        type filter hook input priority filter; policy accept
        iifname "eth1" ip daddr 192.168.10.30 tcp dport { 443, 444 } ip saddr != @suppliers drop
    }
}
"""


async def script(page: Page) -> Response:
    """Change the script."""
    intro = (
        "Rules of your own in the language of nftables, for what the Firewall Lockdown Wizard can't say. A "
        "change is taken back after a minute unless you keep it."
    )
    more = {"intro": intro, "template": "firewall_script.html", "extra": {"sample": SAMPLE}}
    editor = _editor("Firewall Script", FIREWALL_SCRIPT, SCRIPT_PAGE, f"The script {KEEP}", **more)
    return await editor.respond(page)


async def lockdown(page: Page) -> Response:
    """Change who reaches the management ports; ask first when it is not who asks."""
    client = client_of(page.request)
    node = await page.get("/node")
    proposed = proposal(client, node)
    editor = _editor(
        "Firewall Lockdown Wizard",
        LOCKDOWN,
        LOCKDOWN_PAGE,
        f"The lockdown {KEEP}",
        template="lockdown.html",
        load=lambda found: _with_proposal(found, proposed),
        extra={"client": client, "proposed": proposed, "open": not node["firewall"]["lockdown"]},
    )
    if page.posted:
        form = await page.form()
        texts = sent_texts(form, editor.fields)
        wanted = body_of(texts, editor.fields)["firewall"]["lockdown"]
        if wanted and not lets_in(client, wanted) and form.get("confirmed") != "yes":
            hidden = {**texts, "revision": await page.revision(), "confirmed": "yes"}
            return await page.show("locked_out.html", hidden=hidden, client=client, cancel=LOCKDOWN_PAGE)
    return await editor.respond(page)


def proposal(client: str, node: Json) -> str:
    """Return the network that a client is in: an interface's, else the client alone; "" when unknown."""
    try:
        address = ip_address(client)
    except ValueError:
        return ""
    networks = (ip_interface(each).network for link in node["interfaces"] for each in link["addresses"])
    return str(next((network for network in networks if address in network), ip_network(address)))


def lets_in(client: str, networks: list[str]) -> bool:
    """Tell whether a client is in one of the networks, or one of them is none, which lbadmind will say."""
    try:
        address = ip_address(client)
        return any(address in ip_network(network, strict=False) for network in networks)
    except ValueError:
        return True


def _with_proposal(node: Json, proposed: str) -> Json:
    return {"firewall": {"lockdown": node["firewall"]["lockdown"] or [proposed]}}


async def ssh(page: Page) -> Response:
    """Change who logs in by SSH."""
    intro = (
        "Who may log in from elsewhere, as root, to use the command line (lbcli). Without password login and "
        "keys it is nobody, except by a key that was handed over from outside. Sessions that are open stay."
    )
    editor = _editor("Secure Shell", SSH, SSH_PAGE, "The change of SSH is in effect.", intro=intro)
    return await editor.respond(page)


def _editor(title: str, section: Section, path: str, notice: str, **more: Any) -> Editor:  # noqa: ANN401 - Editor's
    return Editor(
        title=title,
        sections=(section,),
        cancel=path,
        resource="/node",
        document="node",
        done=lambda _: (path, notice),
        **more,
    )


ROUTES = [
    route(SCRIPT_PAGE, script, posts=True),
    route(LOCKDOWN_PAGE, lockdown, posts=True),
    route(SSH_PAGE, ssh, posts=True),
]
