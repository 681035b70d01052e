"""The catalogue says what the models say, and every field of it is an option of lbcli."""

import re
from collections.abc import Iterator
from typing import Annotated, Any, get_args

import pytest
from pydantic import BaseModel, TypeAdapter, ValidationError
from pydantic.fields import FieldInfo

from lbadmin.api.apikeys import KeyRequest
from lbadmin.api.certificates import Chain, Import, NewRequest, NewSelfSigned
from lbadmin.api.users import NewUser
from lbadmin.assistant import FrontEndPool
from lbadmin.bodies import body_of, texts_of
from lbadmin.catalogue import (
    MANUAL,
    SERVER_SECTIONS,
    SERVICE_BASIC,
    SERVICE_SECTIONS,
    SETTINGS_SECTIONS,
    Field,
    Section,
    fields_of,
)
from lbadmin.catalogue_firewall import FIREWALL_SCRIPT, LOCKDOWN, SSH
from lbadmin.catalogue_layer4 import LAYER4_BASIC, LAYER4_SECTIONS, LAYER4_SERVER_SECTIONS
from lbadmin.catalogue_monitoring import MONITORING
from lbadmin.catalogue_network import BOND, INTERFACE, NEW_BOND, NEW_VLAN, ROUTING, VLAN
from lbadmin.catalogue_node import NODE_SERVICES
from lbadmin.catalogue_pair import HA_SETTINGS
from lbadmin.catalogue_requests import (
    API_KEY,
    CHECK_SCRIPT,
    HOSTNAME,
    IMPORT,
    NEW_USER,
    SELF_SIGNED,
    SIGNED,
    SIGNING_REQUEST,
    USER_ROLE,
)
from lbadmin.catalogue_snmp import SNMP_SECTIONS
from lbadmin.catalogue_templates import FRONT_END
from lbadmin.cli.verbs import GROUPS, verb_of
from lbadmin.model import (
    CheckScript,
    HaSettings,
    Layer4RealServer,
    Layer4Service,
    Layer7Settings,
    NodeConfig,
    RealServer,
    VirtualService,
)

SERVICE = (SERVICE_BASIC, Section("", (MANUAL,)), *SERVICE_SECTIONS)
LAYER4_SERVICE = (LAYER4_BASIC, *LAYER4_SECTIONS)
NODE = (HOSTNAME, ROUTING, FIREWALL_SCRIPT, LOCKDOWN, SSH, *NODE_SERVICES, *SNMP_SECTIONS, *MONITORING)
MODELS: tuple[tuple[type[BaseModel], tuple[Section, ...]], ...] = (
    (VirtualService, SERVICE),
    (RealServer, SERVER_SECTIONS),
    (Layer4Service, LAYER4_SERVICE),
    (Layer4RealServer, LAYER4_SERVER_SECTIONS),
    (Layer7Settings, SETTINGS_SECTIONS),
    (NodeConfig, NODE),
    (NewSelfSigned, (SELF_SIGNED,)),
    (NewRequest, (SIGNING_REQUEST,)),
    (Import, (IMPORT,)),
    (Chain, (SIGNED,)),
    (CheckScript, (CHECK_SCRIPT,)),
    (KeyRequest, (API_KEY,)),
    (NewUser, (NEW_USER,)),
    (HaSettings, (HA_SETTINGS,)),
    (FrontEndPool, (Section("", FRONT_END.fields),)),
)
PAIRS = [(model, field) for model, sections in MODELS for field in fields_of(*sections)]
FIELDS = [pytest.param(*each, id=f"{each[0].__name__}.{each[1].path}") for each in PAIRS]
CHOICES = [pytest.param(*each, id=each[1].path) for each in PAIRS if each[1].kind == "choice"]
VERBS = (
    ("add-vip", SERVICE),
    ("edit-vip", SERVICE),
    ("add-rip", SERVER_SECTIONS),
    ("edit-rip", SERVER_SECTIONS),
    ("add-layer4-vip", LAYER4_SERVICE),
    ("edit-layer4-vip", LAYER4_SERVICE),
    ("add-layer4-rip", LAYER4_SERVER_SECTIONS),
    ("edit-layer4-rip", LAYER4_SERVER_SECTIONS),
    ("settings", SETTINGS_SECTIONS),
    ("set-node", NODE),
    ("add-certificate", (SELF_SIGNED,)),
    ("csr", (SIGNING_REQUEST,)),
    ("import-certificate", (IMPORT,)),
    ("replace-certificate", (SIGNED,)),
    ("add-script", (CHECK_SCRIPT,)),
    ("edit-script", (CHECK_SCRIPT,)),
    ("add-api-key", (API_KEY,)),
    ("add-user", (NEW_USER._replace(fields=NEW_USER.fields[:2]),)),
    ("edit-user", (USER_ROLE,)),
    ("ha-edit", (HA_SETTINGS,)),
    ("add-bond", NEW_BOND),
    ("add-vlan", NEW_VLAN),
    ("edit-interface", (BOND, VLAN, INTERFACE)),
)

FITS: dict[str, object] = {
    "address": "192.168.10.30",
    "number": 4,
    "ports": "5060,5061",
    "duration": "30m",
    "flag": True,
    "label": "OCS-Front-End",
    "list": ["192.168.2.1"],
    "file": "AA==",
}
"""For each kind what the API takes of it."""

UNFIT: dict[str, object] = {
    "address": "OCS",
    "number": "4",
    "ports": "5060-",
    "duration": "soon",
    "flag": "true",
    "choice": "no choice",
    "label": "a label",
    "list": "192.168.2.1",
    "lines": "text",
    "block": "\0",
}
"""For each kind what the API refuses of it, and would not of some other kind."""


def info_of(model: type[BaseModel], path: str) -> FieldInfo:
    *parents, name = path.split(".")
    for parent in parents:
        nested = model.model_fields[parent].annotation
        assert isinstance(nested, type)
        assert issubclass(nested, BaseModel)
        model = nested
    return model.model_fields[name]


def adapter_of(model: type[BaseModel], field: Field) -> TypeAdapter[Any]:
    info = info_of(model, field.path)
    kind: Any = info.annotation
    return TypeAdapter(Annotated[(kind, *info.metadata)] if info.metadata else kind)


def sent(text: str, field: Field) -> object:
    """Return what is sent when the text is typed into the field."""
    return body_of({"field": text}, [field._replace(path="field")]).get("field")


def leaves(model: type[BaseModel], path: str = "") -> Iterator[str]:
    """Return the paths of all that is no object."""
    for name, info in model.model_fields.items():
        nested = info.annotation
        if isinstance(nested, type) and issubclass(nested, BaseModel):
            yield from leaves(nested, f"{path}{name}.")
        else:
            yield path + name


@pytest.mark.parametrize(("model", "field"), FIELDS)
def test_a_field_takes_what_its_kind_says_and_nothing_else(model: type[BaseModel], field: Field) -> None:
    adapter = adapter_of(model, field)
    if field.kind in FITS and not field.example:
        adapter.validate_python(FITS[field.kind])
    if field.example:
        adapter.validate_python(sent(field.example, field))
    if field.kind in UNFIT:
        with pytest.raises(ValidationError):
            adapter.validate_python(UNFIT[field.kind])


@pytest.mark.parametrize(("model", "field"), FIELDS)
def test_blank_is_allowed_where_the_catalogue_says_so(model: type[BaseModel], field: Field) -> None:
    adapter = adapter_of(model, field)
    if field.optional:
        adapter.validate_python(sent("", field))
    elif field.kind in {"text", "address", "label", "ports", "duration"}:
        with pytest.raises(ValidationError):
            adapter.validate_python(sent("", field))


@pytest.mark.parametrize(("model", "field"), FIELDS)
def test_the_defaults_are_the_models(model: type[BaseModel], field: Field) -> None:
    info = info_of(model, field.path)
    if info.is_required():
        assert field.required
        assert field.default == ""
    else:
        default = TypeAdapter[Any](object).dump_python(info.get_default(), mode="json")
        assert texts_of({"field": default}, [field._replace(path="field")]) == {"field": field.default}


@pytest.mark.parametrize(("model", "field"), CHOICES)
def test_a_choice_offers_all_that_the_model_has(model: type[BaseModel], field: Field) -> None:
    offered = tuple(value for value, _ in field.choices)
    assert offered == get_args(info_of(model, field.path).annotation)


@pytest.mark.parametrize(
    ("model", "sections", "elsewhere"),
    [
        (VirtualService, SERVICE, {"real_servers"}),
        (RealServer, SERVER_SECTIONS, {"state"}),
        (Layer4Service, LAYER4_SERVICE, {"real_servers"}),
        (Layer4RealServer, LAYER4_SERVER_SECTIONS, {"state"}),
        (Layer7Settings, SETTINGS_SECTIONS, set()),
        (NodeConfig, NODE, {"interfaces"}),
        (NewSelfSigned, (SELF_SIGNED,), set()),
        (HaSettings, (HA_SETTINGS,), set()),
    ],
)
def test_everything_can_be_set(
    model: type[BaseModel], sections: tuple[Section, ...], elsewhere: set[str]
) -> None:
    paths = [field.path for field in fields_of(*sections)]
    assert len(paths) == len(set(paths))
    assert set(paths) == set(leaves(model)) - elsewhere


@pytest.mark.parametrize(("name", "sections"), VERBS)
def test_every_field_is_an_option_of_lbcli(name: str, sections: tuple[Section, ...]) -> None:
    verb = verb_of(name)
    assert verb is not None
    options = set(re.findall(r"--[a-z0-9-]+", verb.parser().format_usage()))
    assert {f"--{field.option_name}" for field in fields_of(*sections)} <= options


@pytest.mark.parametrize("sections", {sections for _, sections in VERBS})
def test_no_two_fields_have_the_same_option(sections: tuple[Section, ...]) -> None:
    names = [field.option_name for field in fields_of(*sections)]
    assert len(names) == len(set(names))


def test_the_example_of_every_verb_is_understood() -> None:
    for group in GROUPS:
        for verb in group.verbs:
            name, *words = verb.example.partition(" > ")[0].split() or [verb.name]
            assert name == verb.name
            verb.parser().parse_args(words)
