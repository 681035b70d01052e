"""Forms: what is typed, sent, and said about it."""

import pytest

from lbadmin.bodies import body_of, texts_of
from lbadmin.catalogue import SERVER_SECTIONS, SERVICE_BASIC, SERVICE_SECTIONS, fields_of
from lbadmin.model import RealServer, VirtualService
from lbadmin.web.forms import default_texts, errors_of, sent_texts, shown
from lbadmin.web.menu import MENU, entry_of
from lbadmin.web.page import as_sentence

SERVICE = fields_of(SERVICE_BASIC, *SERVICE_SECTIONS)
SERVER = fields_of(*SERVER_SECTIONS)


def test_what_a_form_shows_of_an_object_comes_back_as_the_same_object() -> None:
    service = VirtualService.model_validate(
        {
            "label": "OCS",
            "ip": "192.168.10.30",
            "ports": "5060,5071-5074",
            "health_check": {"type": "sip", "check_ports": [5061, 443], "tls": True},
            "fallback_server": {"ip": "192.168.10.99"},
            "timeouts": {"client_ms": "30m"},
        }
    )
    document = service.model_dump(mode="json")
    shown = texts_of(document, SERVICE)
    assert shown["health_check.check_ports"] == "5061,443"
    assert shown["timeouts.client_ms"] == "1800000"
    assert shown["fallback_server.port"] == ""
    again = VirtualService.model_validate(body_of(sent_texts(shown, SERVICE), SERVICE))
    assert again == service


def test_an_empty_form_has_the_models_defaults() -> None:
    typed = {**default_texts(SERVER), "label": "FE-1", "ip": "192.168.10.31"}
    assert RealServer.model_validate(body_of(typed, SERVER)) == RealServer.model_validate(
        {"label": "FE-1", "ip": "192.168.10.31"}
    )


def test_what_is_no_number_goes_to_lbadmind_as_it_was_typed() -> None:
    typed = {**default_texts(SERVER), "weight": "heavy", "port": "٣"}
    body = body_of(typed, SERVER)
    assert (body["weight"], body["port"]) == ("heavy", "٣")


@pytest.mark.parametrize(
    ("field", "root", "path"),
    [
        ("ports", "virtual_services", "ports"),
        ("ports.0", "virtual_services", "ports"),
        ("virtual_services.3.ports", "virtual_services", "ports"),
        ("virtual_services.3.health_check.script", "virtual_services", "health_check.script"),
        ("health_check.check_ports.function-before", "virtual_services", "health_check.check_ports"),
        ("virtual_services", "virtual_services", ""),
        ("virtual_services.3.real_servers.1.ip", "virtual_services", ""),
    ],
)
def test_an_error_is_told_at_its_field(field: str, root: str, path: str) -> None:
    problem = {"errors": [{"field": field, "message": "is wrong"}], "detail": "is wrong"}
    assert errors_of(problem, SERVICE, root) == {path: "Is wrong."}


def test_an_error_of_no_field_is_told_above_the_form() -> None:
    assert errors_of({"detail": "HAProxy refuses this"}, SERVICE) == {"": "HAProxy refuses this."}


def test_a_value_is_shown_in_the_words_of_its_form() -> None:
    fields = {field.path: field for field in (*SERVICE, *SERVER)}
    assert shown("roundrobin", fields["scheduler"]) == "Weighted Round Robin"
    assert shown("false", fields["re_encrypt"]) == "off"
    assert (shown("", fields["port"]), shown("443", fields["port"])) == ("blank", "443")


def test_each_page_belongs_to_an_entry_of_the_menu() -> None:
    assert len({entry.path for group in MENU for entry in group.entries}) == sum(
        len(group.entries) for group in MENU
    )
    entry = entry_of("/lbadmin/layer7/services/of/OCS/delete")
    assert entry is not None
    assert entry.title == "Layer 7 – Virtual Services"


def test_a_sentence_has_a_capital_and_one_full_stop() -> None:
    assert as_sentence("port 0 is wrong") == "Port 0 is wrong."
    assert as_sentence("Done.") == "Done."
