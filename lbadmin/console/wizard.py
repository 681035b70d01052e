"""The Network Setup Wizard: interface, address, prefix, gateway, name servers and host name of this node."""

from dataclasses import replace

import urwid

from lbadmin.console.checks import (
    Json,
    Typed,
    address_fault,
    faults_by_field,
    patch_of,
    prefix_fault,
    typed_of,
)
from lbadmin.console.menu import REFUSED, Menu, sentence_of
from lbadmin.console.place import url_of
from lbadmin.console.taken import owner_of
from lbadmin.console.widgets import Button, Choice, Field, paragraphs
from lbadmin.system import System

TITLE = "Network Setup Wizard"


def open_wizard(menu: Menu, system: System) -> None:
    """Show the wizard, or why it can't be shown."""
    node = menu.ask("GET", "/node")
    links = menu.ask("GET", "/interfaces") if node is not None else None
    if node is None or links is None:
        return
    found = links.body["interfaces"] if links.status < REFUSED else []
    if not found:
        menu.tell(TITLE, "There is no network interface: give the machine a network card.")
        return
    Wizard(menu, system, node.body, found)


class Wizard:
    """The form; each field is checked when it is left, all of them before anything is changed."""

    def __init__(self, menu: Menu, system: System, node: Json, links: Json) -> None:
        self._menu = menu
        self._system = system
        self._node = node
        self._asked: dict[tuple[str, str], str | None] = {}
        start = typed_of(node, links[0]["name"])
        self._interface = Choice(
            "Interface",
            [each["name"] for each in links],
            [f"{each['name']}  {each['mac']}  {each['state']}" for each in links],
            self._other_interface,
        )
        self.fields = {
            "address": Field("IP address", start.address, check=self._address_fault),
            "prefix": Field("Prefix (bits)", start.prefix, check=self._prefix_fault),
            "gateway": Field("Gateway", start.gateway, check=lambda _: self._told("gateway")),
            "dns": Field("DNS servers", start.dns, check=lambda _: self._told("dns")),
            "hostname": Field("Host name", start.hostname, check=lambda _: self._told("hostname")),
        }
        self._form = menu.open(
            TITLE,
            [
                *paragraphs(
                    "The addresses of this appliance. Clients reach services by addresses of their own."
                ),
                self._interface,
                *self.fields.values(),
                urwid.Divider(),
                Button("Apply", self._apply),
                Button("Cancel", menu.back),
            ],
        )
        self._form.go_to(self.fields["address"])

    def _typed(self) -> Typed:
        return Typed(self._interface.name, **{name: field.text for name, field in self.fields.items()})

    def _other_interface(self) -> None:
        start = typed_of(self._node, self._interface.name)
        for name in ("address", "prefix"):
            self.fields[name].edit.set_edit_text(getattr(start, name))
            self.fields[name].tell(None)

    def _address_fault(self, text: str) -> str | None:
        return address_fault(text) or self._told("address") or self._taken(text)

    def _prefix_fault(self, text: str) -> str | None:
        return prefix_fault(text, self.fields["address"].text)

    def _told(self, field: str) -> str | None:
        """Return what lbadmind says of a field, as far as it can say anything yet."""
        return self._faults(self._typed()).get(field)

    def _faults(self, typed: Typed) -> dict[str, str]:
        if prefix_fault(typed.prefix, typed.address) is not None:
            # What is wrong with the prefix is told there.
            typed = replace(typed, prefix="32")
        answer = self._menu.ask("POST", "/node/check", patch_of(self._node, typed))
        if answer is None or answer.status < REFUSED:
            return {}
        return faults_by_field(answer.body.get("errors", [])) or {"": sentence_of(answer)}

    def _taken(self, address: str) -> str | None:
        """Ask the net once for each address, in two seconds; a virtual one of this node is no other's."""
        key = (self._interface.name, address)
        if ":" in address:
            return None
        if key not in self._asked:
            self._menu.busy(f"Asking the network whether somebody has {address}")
            mac = owner_of(self._system, *key)
            self._asked[key] = (
                mac and f"address {address} is taken: {mac} on this network has it; choose another"
            )
        return self._asked[key]

    def _apply(self) -> None:
        self._asked.clear()
        for field in self.fields.values():
            field.check()
        wrong = next((field for field in self.fields.values() if field.fault), None)
        if wrong is not None:
            self._form.go_to(wrong)
            return
        typed = self._typed()
        self._menu.busy("Putting it into effect")
        # At the console nobody is cut off by it.
        answer = self._menu.ask("PATCH", "/node?confirmed=true", patch_of(self._node, typed))
        if answer is None:
            return
        if answer.status >= REFUSED:
            self._refused(faults_by_field(answer.body.get("errors", [])) or {"": sentence_of(answer)})
            return
        self._menu.tell(TITLE, "The settings are in effect.", f"Web interface: {url_of(typed.address)}")

    def _refused(self, faults: dict[str, str]) -> None:
        for name, field in self.fields.items():
            if name in faults:
                field.tell(faults[name])
                self._form.go_to(field)
                return
        self._menu.tell(TITLE, *faults.values())
