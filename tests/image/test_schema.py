"""The REST API held to its own OpenAPI description, with good and bad input that schemathesis makes up."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, Phase, Verbosity, given, seed, settings
from hypothesis import strategies as st
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.core.failures import FailureGroup
from schemathesis.core.result import Ok
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from lbadmin.client import PREFIX, Client
from tests.image.asking import PASSWORD, USER
from tests.image.conftest import Appliance
from tests.image.graphing import lbva_graphs

CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]
EXAMPLES = 10
"""Requests for each operation that takes any input: all together take about a minute and a half."""

KNOWN: Mapping[str, Any] = {
    "label": "OCS-Front-End", "server": "FE-1", "name": "known", "user": USER,
    "document": "cluster", "revision": 1, "template": "ocs-front-end", "id": "0" * 32,
    "graph": "cpu",
}  # fmt: skip
"""What there is, by the name of the path's parameter."""
OF_LAYER_4 = {"label": "OCS-Layer-4"}
"""What is called something else below /layer4: a label is of one layer alone."""


def furnish(client: Client) -> None:
    """Make one of each thing that an operation may name."""
    service = {
        "label": KNOWN["label"],
        "ip": "192.168.10.30",
        "ports": [5060],
        "real_servers": [{"label": KNOWN["server"], "ip": "192.168.10.31"}],
    }
    client.call("POST", "/layer7/virtual-services", service)
    client.call("POST", "/layer4/virtual-services", {**service, **OF_LAYER_4, "ip": "192.168.10.40"})
    certificate = {"label": KNOWN["label"], "common_name": "ocs.example.com"}
    client.call("POST", "/layer7/certificates/self-signed", certificate)
    script = {"label": KNOWN["label"], "text": "#!/bin/sh\nexit 0\n"}
    client.call("POST", "/layer7/check-scripts", script)
    client.call("POST", "/api-keys", {"name": KNOWN["name"]})


@pytest.fixture
def session(appliance: Appliance, website: int) -> Iterator[requests.Session]:
    made = requests.Session()
    made.trust_env = False  # the machine's own list of authorities would go before `verify`
    made.auth = (USER, PASSWORD)
    made.verify = str(Path(appliance.root / "var/lib/lbadmin/tls/web.pem"))
    with lbva_graphs(appliance):
        yield made


def test_every_operation_answers_as_described(daemon: str, website: int, session: requests.Session) -> None:
    client = Client(daemon)
    furnish(client)
    furnished = client.call("GET", "/config")
    base = f"https://127.0.0.1:{website}"
    description = session.get(f"{base}{PREFIX}/openapi.json", timeout=30).json()
    found = list(schemathesis.openapi.from_dict(description).get_all_operations())
    operations = [each.ok() for each in found if isinstance(each, Ok)]
    assert len(operations) == len(found) >= 50
    failures: list[BaseException] = []
    for operation in operations:
        client.call("PUT", "/config", furnished)
        try:
            hold_to_description(operation, base, session)
        except (Exception, FailureGroup) as error:  # noqa: BLE001 - each operation's failure is to be told
            error.add_note(operation.label)
            failures.append(error)
    if failures:
        raise BaseExceptionGroup("answers that the description does not name", failures)


def hold_to_description(
    operation: schemathesis.APIOperation[Any, Any, Any, Any], base: str, session: requests.Session
) -> None:
    """Send made-up requests for the operation and check their answers. Raises FailureGroup."""
    fixed = not (operation.path_parameters or operation.query or operation.body)

    @seed(0)
    @settings(
        max_examples=1 if fixed else EXAMPLES,
        deadline=None,
        database=None,
        phases=[Phase.generate],
        verbosity=Verbosity.quiet,
        suppress_health_check=list(HealthCheck),
    )
    @given(
        case=st.one_of([operation.as_strategy(generation_mode=mode) for mode in GenerationMode]),
        known=st.booleans(),
    )
    def holds(case: schemathesis.Case[Any], known: bool) -> None:
        if known:
            # Else most answers would be that there is no such thing, or that it changed.
            known_here = {**KNOWN, **(OF_LAYER_4 if "/layer4/" in operation.path else {})}
            case.path_parameters.update({name: known_here[name] for name in case.path_parameters})
            case.headers.pop("if-match", None)
        answer = case.call(base_url=base, session=session, verify=session.verify, timeout=30)
        case.validate_response(answer, checks=CHECKS)

    holds()
