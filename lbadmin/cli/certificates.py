"""Certificates that virtual services end TLS with, and the scripts of health checks."""

from urllib.parse import quote

from lbadmin.bodies import body_of
from lbadmin.catalogue import fields_of
from lbadmin.catalogue_requests import CHECK_SCRIPT, IMPORT, SELF_SIGNED, SIGNED, SIGNING_REQUEST
from lbadmin.cli.grammar import Group, Json, Options, Parser, Verb, take_sections, texts_given
from lbadmin.cli.tables import show_certificate, show_certificates, show_csr, show_scripts, show_section
from lbadmin.cli.terminal import UsageError, read_bytes, read_secret
from lbadmin.client import Client

CERTIFICATES = "/layer7/certificates"
SCRIPTS = "/layer7/check-scripts"


def _certificate(options: Options) -> str:
    return f"{CERTIFICATES}/{quote(options.label, safe='')}"


def _script(options: Options) -> str:
    return f"{SCRIPTS}/{quote(options.label, safe='')}"


def _take_certificate(parser: Parser) -> None:
    parser.take("--label", required=True, completes="certificates", help="the certificate")


def _take_self_signed(parser: Parser) -> None:
    take_sections(parser, SELF_SIGNED, new=True)


def _take_import(parser: Parser) -> None:
    take_sections(parser, IMPORT, new=True)
    parser.take(
        "--passphrase",
        action="store_true",
        help="the file is encrypted: ask for its passphrase at the terminal, or take it from the first line "
        "of standard input",
    )


def _take_request(parser: Parser) -> None:
    _take_certificate(parser)
    take_sections(parser, SIGNING_REQUEST, new=False)


def _take_chain(parser: Parser) -> None:
    _take_certificate(parser)
    take_sections(parser, SIGNED, new=True)


def _take_script(parser: Parser) -> None:
    parser.take("--label", required=True, completes="check_scripts", help="the script")


def _take_new_script(parser: Parser) -> None:
    take_sections(parser, CHECK_SCRIPT, new=True)


def _take_changed_script(parser: Parser) -> None:
    _take_script(parser)
    parser.take("--new-label", metavar="LABEL", help="rename it")
    take_sections(parser, CHECK_SCRIPT, new=False, without=("label",))


def _list(client: Client, _: Options) -> Json:
    return client.call("GET", CERTIFICATES)


def _show(client: Client, options: Options) -> Json:
    return client.call("GET", _certificate(options))


def _add(client: Client, options: Options) -> Json:
    body = body_of(texts_given(options, SELF_SIGNED), fields_of(SELF_SIGNED))
    return client.call("POST", f"{CERTIFICATES}/self-signed", body)


def _import(client: Client, options: Options) -> Json:
    from base64 import b64encode  # noqa: PLC0415 - only this verb needs it

    if options.passphrase and options.content == "-":
        raise UsageError("standard input can't be both, the file and its passphrase; name a file")
    body = {"label": options.label, "content": b64encode(read_bytes(options.content)).decode("ascii")}
    if options.passphrase:
        body["passphrase"] = read_secret("passphrase")
    return client.call("POST", f"{CERTIFICATES}/import", body)


def _csr(client: Client, options: Options) -> Json:
    body = body_of(texts_given(options, SIGNING_REQUEST), fields_of(SIGNING_REQUEST))
    return client.call("POST", f"{_certificate(options)}/csr", body)


def _replace(client: Client, options: Options) -> Json:
    body = body_of(texts_given(options, SIGNED), fields_of(SIGNED))
    return client.call("PUT", f"{_certificate(options)}/chain", body)


def _delete(client: Client, options: Options) -> Json:
    return client.call("DELETE", _certificate(options))


def _list_scripts(client: Client, _: Options) -> Json:
    return client.call("GET", SCRIPTS)


def _show_script(client: Client, options: Options) -> Json:
    return client.call("GET", _script(options))


def _add_script(client: Client, options: Options) -> Json:
    return client.call("POST", SCRIPTS, body_of(texts_given(options, CHECK_SCRIPT), fields_of(CHECK_SCRIPT)))


def _edit_script(client: Client, options: Options) -> Json:
    if options.text is None and options.new_label is None:
        raise UsageError("nothing to change; give --file or --new-label")
    old = client.asked("GET", _script(options))
    text = texts_given(options, CHECK_SCRIPT).get("text", old.body["text"])
    body = {"label": options.new_label or options.label, "text": text}
    return client.call("PUT", _script(options), body, revision=old.headers["etag"])


def _delete_script(client: Client, options: Options) -> Json:
    return client.call("DELETE", _script(options))


GROUP = Group(
    "Certificates and health check scripts",
    (
        Verb("list-certificates", "list the certificates, with their expiry", _list, show_certificates),
        Verb(
            "show-certificate", "show all about a certificate", _show, show_certificate, _take_certificate,
            "show-certificate --label pool-2026",
        ),
        Verb(
            "add-certificate", "make a key and a self-signed certificate", _add, options=_take_self_signed,
            example="add-certificate --label pool --common-name pool.example.com --names sip.example.com",
        ),
        Verb(
            "import-certificate", "import a certificate with its key", _import, options=_take_import,
            example="import-certificate --label pool-2026 --file pool.pfx --passphrase",
        ),
        Verb(
            "csr", "make a certificate's signing request", _csr, show_csr, _take_request,
            "csr --label pool-2026 > pool.csr",
        ),
        Verb(
            "replace-certificate", "install what an authority has signed", _replace, options=_take_chain,
            example="replace-certificate --label pool-2026 --chain signed.pem",
        ),
        Verb(
            "delete-certificate", "delete a certificate", _delete, options=_take_certificate,
            example="delete-certificate --label pool-2026",
        ),
        Verb("list-scripts", "list the health check scripts", _list_scripts, show_scripts),
        Verb(
            "show-script", "show the text of a health check script", _show_script, show_section, _take_script,
            "show-script --label check-pool > check-pool.sh",
        ),
        Verb(
            "add-script", "add a health check script", _add_script, options=_take_new_script,
            example="add-script --label check-pool --file check-pool.sh",
        ),
        Verb(
            "edit-script", "change a health check script", _edit_script, options=_take_changed_script,
            example="edit-script --label check-pool --file check-pool.sh",
        ),
        Verb(
            "delete-script", "delete a health check script", _delete_script, options=_take_script,
            example="delete-script --label check-pool",
        ),
    ),
)  # fmt: skip
