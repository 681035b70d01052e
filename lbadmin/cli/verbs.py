"""All that lbcli can be asked for."""

from lbadmin.cli import (
    access,
    certificates,
    history,
    layer4,
    monitoring,
    network,
    node,
    operations,
    pair,
    services,
    templates,
)
from lbadmin.cli.grammar import Verb

GROUPS = tuple(
    each.GROUP
    for each in (
        operations,
        monitoring,
        services,
        layer4,
        templates,
        certificates,
        pair,
        node,
        network,
        history,
        access,
    )
)


def verb_of(name: str) -> Verb | None:
    """Return the verb of that name."""
    return next((verb for group in GROUPS for verb in group.verbs if verb.name == name), None)
