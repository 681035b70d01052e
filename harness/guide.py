"""The deployment guide, sections 7 and 8, click by click, with nothing but what a newcomer reads and sees.

The assistant, which the guide does not know, does section 8 in one form.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from playwright.sync_api import Page

from harness.appliance import FACTORY_LOGIN, GUIDE_TIMEOUT, OCS_PORTS, SERVICE_ADDRESS, SERVICE_LABEL
from harness.browser import log_in
from harness.topology import MANAGEMENT, VIP
from harness.webui import WebUi

LOCAL, CLUSTER = "Local Configuration", "Cluster Configuration"
HIGH_AVAILABILITY = "High-Availability Configuration"
SERVICES, SERVERS = "Layer 7 – Virtual Services", "Layer 7 – Real Servers"
LAYER4_SERVICES, LAYER4_SERVERS = "Layer 4 – Virtual Services", "Layer 4 – Real Servers"
CHECK_PORT = 5061
ROUTER = str(MANAGEMENT.lab_address.ip)
"""Gateway and name server of the example; nothing needs them to answer."""

HOSTNAME = "lb1"
PAIRING_S = 180.0
"""Both appliances check and activate the configuration; emulated ones take a minute."""


@dataclass(frozen=True)
class Server:
    """A Front End Server as the administrator knows it."""

    label: str
    address: str


def open_webui(ui: WebUi, page: Page, password: str) -> None:
    """Section 7, "Accessing the Web User Interface", and the note on changing the password."""
    page.goto("/lbadmin/")
    ui.picture("login")
    log_in(page, *FACTORY_LOGIN)
    ui.picture("overview")
    ui.menu("Maintenance", "Passwords")
    ui.fill("Current Password", FACTORY_LOGIN[1])
    ui.fill("New Password", password)
    ui.fill("Confirm New Password", password)
    ui.picture("password")
    ui.click("Update")
    ui.done("password")


def join_service_network(ui: WebUi) -> None:
    """Section 7, "Initial Network Configuration", method 2: the address on the servers' network."""
    ui.menu(LOCAL, "Network Interface Configuration")
    ui.fill("eth1", str(SERVICE_ADDRESS))
    ui.picture("interfaces", ui.field("eth1"))
    ui.click("Update")
    ui.done("in effect")


def set_gateway(ui: WebUi) -> None:
    """The same, the default gateway."""
    ui.menu(LOCAL, "Routing")
    ui.fill("Default Gateway", ROUTER)
    ui.picture("routing", ui.field("Default Gateway"))
    ui.click("Update")
    ui.done("in effect")


def set_names(ui: WebUi) -> None:
    """The same, DNS settings."""
    ui.menu(LOCAL, "Hostname & DNS")
    ui.fill("Hostname", HOSTNAME)
    ui.fill("DNS Servers", ROUTER)
    ui.picture("hostname", ui.field("Hostname"), ui.field("DNS Servers"))
    ui.click("Update")
    ui.done("in effect")


def set_time_outs(ui: WebUi) -> None:
    """Section 8, step 1; 30m as its note allows."""
    ui.menu(CLUSTER, "Layer 7 – Advanced Configuration")
    ui.fill("Client Timeout", GUIDE_TIMEOUT)
    ui.fill("Real Server Timeout", GUIDE_TIMEOUT)
    ui.picture("time-outs", ui.field("Client Timeout"), ui.field("Real Server Timeout"))
    ui.click("Update")
    ui.done("in effect")


def add_service(ui: WebUi) -> None:
    """Section 8, step 2, "Virtual Service (VIP) Configuration"."""
    ui.menu(CLUSTER, SERVICES)
    ui.picture("services", ui.button("Add a New Virtual Service"))
    ui.click("Add a New Virtual Service")
    ui.fill("Label", SERVICE_LABEL)
    ui.fill("Virtual Service IP Address", str(VIP))
    ui.fill("Ports", ",".join(map(str, OCS_PORTS)))
    ui.choose("Layer 7 Protocol", "TCP Mode")
    ui.picture("service", *(ui.field(label) for label in ("Label", "Virtual Service IP Address", "Ports")))
    ui.click("Update")
    ui.done(SERVICE_LABEL)
    ui.picture("service-added", ui.button("Modify", beside=SERVICE_LABEL))
    ui.click("Modify", beside=SERVICE_LABEL)
    ui.choose("Persistence Mode", "Source IP")
    ui.click("Advanced", within="Health Checks")
    ui.fill("Check Port", str(CHECK_PORT))
    ui.picture("check-port", ui.field("Check Port"))
    ui.click("Update")
    ui.done(SERVICE_LABEL)


def add_layer4_service(ui: WebUi) -> None:
    """The same service at layer 4, by SNAT as OCS needs it."""
    ui.menu(CLUSTER, LAYER4_SERVICES)
    ui.click("Add a New Virtual Service")
    ui.fill("Label", SERVICE_LABEL)
    ui.fill("Virtual Service IP Address", str(VIP))
    ui.fill("Ports", ",".join(map(str, OCS_PORTS)))
    ui.choose("Protocol", "TCP")
    ui.choose("Forwarding Method", "SNAT")
    ui.click("Update")
    ui.done(SERVICE_LABEL)
    ui.click("Modify", beside=SERVICE_LABEL)
    ui.click("Advanced", within="Health Checks")
    ui.fill("Check Port", str(CHECK_PORT))
    ui.click("Update")
    ui.done(SERVICE_LABEL)


def add_servers(ui: WebUi, servers: Iterable[Server], menu: str = SERVERS) -> None:
    """Section 8, step 2, "Real Server (RIP) Configuration"; the first one is pictured."""
    for number, server in enumerate(servers):
        ui.menu(CLUSTER, menu)
        if number == 0:
            ui.picture("servers", ui.button("Add a new Real Server", beside=SERVICE_LABEL))
        ui.click("Add a new Real Server", beside=SERVICE_LABEL)
        ui.fill("Label", server.label)
        ui.fill("Real Server IP Address", server.address)
        if number == 0:
            ui.picture("server", ui.field("Label"), ui.field("Real Server IP Address"))
        ui.click("Update")
        ui.done(server.label)
    ui.picture("servers-added")


def restart_haproxy(ui: WebUi) -> None:
    """Section 8, step 3."""
    ui.menu("Maintenance", "Restart Services")
    ui.picture("restart", ui.button("Restart HAProxy"))
    ui.click("Restart HAProxy")
    ui.done("HAProxy")


def use_assistant(ui: WebUi, servers: Iterable[Server]) -> None:
    """All of section 8 from the pool's addresses, reviewed before it is applied."""
    ui.menu(CLUSTER, "New service from template")
    ui.click("OCS 2007 R2 Front End pool")
    ui.fill("Virtual Service IP Address", str(VIP))
    for number, server in enumerate(servers, 1):
        ui.fill(f"Front End {number} Label", server.label)
        ui.fill(f"Front End {number} IP Address", server.address)
    ui.picture("assistant")
    ui.click("Review")
    ui.button("Apply").wait_for()
    ui.picture("assistant-review", ui.button("Apply"))
    ui.click("Apply")
    ui.done(SERVICE_LABEL)


def create_pair(ui: WebUi, peer: str, password: str) -> None:
    """Appendix 1, from Create a Clustered Pair to the two nodes beside each other."""
    ui.menu(CLUSTER, HIGH_AVAILABILITY)
    ui.fill("IP address of new peer", peer)
    ui.fill("Password for *loadbalancer* user on peer", password)
    ui.picture("pair", ui.button("Add new node"))
    ui.click("Add new node")
    ui.heading(HIGH_AVAILABILITY).wait_for()
    ui.picture("pairing")
    ui.node("peer").wait_for(timeout=PAIRING_S * 1000)


def restart_heartbeat(ui: WebUi) -> None:
    """Appendix 1, what the blue message box prompts for."""
    prompt = ui.button("Restart Heartbeat", beside="as soon as heartbeat is restarted")
    prompt.wait_for()
    ui.picture("paired", prompt)
    prompt.click()
    ui.done("Heartbeat was restarted")


def delete_service(ui: WebUi) -> None:
    """Delete the guide's service, real servers included."""
    ui.menu(CLUSTER, SERVICES)
    ui.click("Delete", beside=SERVICE_LABEL)
    ui.click("Delete")
    ui.done(SERVICE_LABEL)
