"""Users and their passwords, the password of console and SSH, and API keys."""

from urllib.parse import quote

from lbadmin.bodies import body_of
from lbadmin.catalogue import fields_of
from lbadmin.catalogue_requests import API_KEY, NEW_USER, USER_ROLE
from lbadmin.cli.grammar import Group, Json, Options, Parser, Verb, take_sections, texts_given
from lbadmin.cli.tables import show_api_keys, show_new_key, show_users
from lbadmin.cli.terminal import UsageError, read_secret, read_text
from lbadmin.client import Client

KEYS, USERS = "/api-keys", "/users"
USER = "loadbalancer"


def _take_new_key(parser: Parser) -> None:
    take_sections(parser, API_KEY, new=True)


def _take_key(parser: Parser) -> None:
    parser.take("--name", required=True, completes="api_keys", help="the API key")


def _take_user(parser: Parser) -> None:
    parser.take("--name", required=True, completes="users", help="the user")


def _take_password(parser: Parser, what: str = "the new password") -> None:
    parser.take(
        "--password-file", metavar="FILE", completes="files",
        help=f"the file whose first line is {what}; - is standard input (default: typed at the terminal, or "
        "a line of standard input)",
    )  # fmt: skip


def _take_whose_password(parser: Parser) -> None:
    parser.take("--user", default=USER, completes="users", help=f"whose password (default: {USER})")
    _take_password(parser)


def _take_new_user(parser: Parser) -> None:
    take_sections(parser, NEW_USER, new=True)
    _take_password(parser, "the password")


def _take_role(parser: Parser) -> None:
    _take_user(parser)
    take_sections(parser, USER_ROLE, new=False)


def _given_password(options: Options, what: str = "new password") -> str:
    if options.password_file is None:
        return read_secret(what, twice=True)
    line = read_text(options.password_file).partition("\n")[0].rstrip("\r")
    if not line:
        raise UsageError(f"the {what} is missing; write it into the first line of {options.password_file}")
    return line


def _password(client: Client, options: Options) -> Json:
    return client.call("PUT", f"{_at(options.user)}/password", {"new": _given_password(options)})


def _console_password(client: Client, options: Options) -> Json:
    if options.none:
        return client.call("DELETE", "/console/password")
    return client.call("PUT", "/console/password", {"new": _given_password(options)})


def _take_console_password(parser: Parser) -> None:
    _take_password(parser)
    parser.take("--none", action="store_true", help="take the password away: nobody logs in with one")


def _users(client: Client, _: Options) -> Json:
    return client.call("GET", USERS)


def _add_user(client: Client, options: Options) -> Json:
    given = body_of(texts_given(options, NEW_USER), NEW_USER.fields[:2])
    return client.call("POST", USERS, {**given, "password": _given_password(options, "password")})


def _edit_user(client: Client, options: Options) -> Json:
    return client.call(
        "PATCH", _at(options.name), body_of(texts_given(options, USER_ROLE), fields_of(USER_ROLE))
    )


def _delete_user(client: Client, options: Options) -> Json:
    return client.call("DELETE", _at(options.name))


def _at(user: str) -> str:
    return f"{USERS}/{quote(user, safe='')}"


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
            "password", f"change the password of {USER} or another user", _password,
            options=_take_whose_password, example="password --user jane",
        ),
        Verb(
            "console-password", "change the password of root, the user of console and SSH", _console_password,
            options=_take_console_password,
        ),
        Verb("users", "list the users of the website and the REST API", _users, show_users),
        Verb(
            "add-user", "add a user", _add_user, options=_take_new_user,
            example="add-user --name jane --role operator",
        ),
        Verb(
            "edit-user", "change a user's role", _edit_user, options=_take_role,
            example="edit-user --name jane --role administrator",
        ),
        Verb(
            "delete-user", "remove a user", _delete_user, options=_take_user,
            example="delete-user --name jane",
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
