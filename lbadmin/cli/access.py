"""The password of the pages, and API keys."""

from urllib.parse import quote

from lbadmin.bodies import body_of
from lbadmin.catalogue import fields_of
from lbadmin.catalogue_requests import API_KEY
from lbadmin.cli.grammar import Group, Json, Options, Parser, Verb, take_sections, texts_given
from lbadmin.cli.tables import show_api_keys, show_new_key
from lbadmin.cli.terminal import read_secret
from lbadmin.client import Client

KEYS = "/api-keys"
USER = "loadbalancer"


def _take_new_key(parser: Parser) -> None:
    take_sections(parser, API_KEY, new=True)


def _take_key(parser: Parser) -> None:
    parser.take("--name", required=True, completes="api_keys", help="the API key")


def _password(client: Client, _: Options) -> Json:
    body = {"new": read_secret("new password", twice=True)}
    return client.call("PUT", f"/users/{USER}/password", body)


def _list(client: Client, _: Options) -> Json:
    return client.call("GET", KEYS)


def _add(client: Client, options: Options) -> Json:
    return client.call("POST", KEYS, body_of(texts_given(options, API_KEY), fields_of(API_KEY)))


def _delete(client: Client, options: Options) -> Json:
    return client.call("DELETE", f"{KEYS}/{quote(options.name, safe='')}")


def _take_note(client: Client, _: Options) -> Json:
    return client.call("DELETE", "/console/password-reset")


GROUP = Group(
    "Access",
    (
        Verb(
            "password", f"change the password of {USER}: typed at the terminal, or a line of standard input",
            _password,
        ),
        Verb("take-note-of-reset", "tell no more that the password was reset at the console", _take_note),
        Verb("list-api-keys", "list the API keys", _list, show_api_keys),
        Verb(
            "add-api-key", "make an API key, which is shown this once", _add, show_new_key, _take_new_key,
            "add-api-key --name monitoring",
        ),
        Verb(
            "delete-api-key", "revoke an API key at once", _delete, options=_take_key,
            example="delete-api-key --name monitoring",
        ),
    ),
)  # fmt: skip
