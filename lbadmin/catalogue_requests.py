"""The fields of everything beside layer 7: this node's configuration, certificates, check scripts, access.

As in `catalogue`, a field's path is its place in the body of the request that it belongs to.
"""

from lbadmin.catalogue import LABEL_FORM, Field, Section

HOSTNAME = Section(
    "",
    (
        Field(
            "hostname", "Hostname", "text", default="lbva",
            help="The name of this appliance: letters, digits, dashes and dots, at most 64.",
        ),
        Field(
            "dns", "DNS Servers", "list", example="192.168.2.1",
            help="The addresses of the name servers that the appliance asks, the first one first; one a "
            "line, at most 8. Blank: it asks none.",
        ),
    ),
)  # fmt: skip

CERTIFICATE_LABEL = Field(
    "label", "Label", "text", required=True, example="pool-2026",
    help=f"The name of the certificate on this appliance: {LABEL_FORM}.",
)  # fmt: skip

_SUBJECT = (
    Field(
        "common_name", "Common Name", "text", required=True, example="pool.example.com",
        help="The DNS name or the IP address that clients connect to.",
    ),
    Field(
        "names", "Other Names", "list", example="sip.example.com",
        help="Further DNS names and IP addresses that the certificate is good for; one a line.",
    ),
    Field(
        "organisation", "Organisation", "text", example="Example Ltd",
        help="The name of your organisation, as the certificate shows it.",
    ),
    Field(
        "country", "Country", "text", example="GB",
        help="The two capital letters of the country's code (ISO 3166).",
    ),
)  # fmt: skip

SELF_SIGNED = Section(
    "",
    (
        CERTIFICATE_LABEL,
        *_SUBJECT[:2],
        Field(
            "days", "Valid For", "number", default="825", unit="days",
            help="How long the certificate is good, from 1 to 3650 days. Some clients refuse more than 825.",
        ),
    ),
    _SUBJECT[2:],
)  # fmt: skip

IMPORT = Section(
    "",
    (
        CERTIFICATE_LABEL,
        Field(
            "content", "File", "file", required=True, option="file",
            help="One file with the certificate, its private key and the intermediate certificates: PEM in "
            "any order, or PKCS#12 (.pfx, .p12) as Windows exports it. At most 256 KiB.",
        ),
        Field(
            "passphrase", "Passphrase", "secret",
            help="What the file or its key is encrypted with. It is used once and not kept. Blank: it is not "
            "encrypted.",
        ),
    ),
)  # fmt: skip

SIGNED = Section(
    "",
    (
        Field(
            "chain", "Signed Certificate", "block", required=True,
            help="What the authority has sent, in PEM form: the certificate, and below it the intermediate "
            "ones. It must be made from this certificate's signing request.",
        ),
    ),
)  # fmt: skip

SIGNING_REQUEST = Section("", _SUBJECT)

CHECK_SCRIPT = Section(
    "",
    (
        Field(
            "label", "Label", "text", required=True, example="check-pool",
            help=f"The name that health checks choose the script by: {LABEL_FORM}.",
        ),
        Field(
            "text", "Script", "block", required=True, option="file",
            help="The whole text of the script. Its first line names the interpreter, such as #!/bin/sh.",
        ),
    ),
)  # fmt: skip

_HOW_LONG = (
    "At least 8 characters; any are allowed, blanks too. Several words that have nothing to do with each "
    "other are stronger than a short word with digits."
)

ROLE = Field(
    "role", "Role", "choice", default="read-only",
    choices=(("administrator", "Administrator"), ("operator", "Operator"), ("read-only", "Read-only")),
    help="Read-only looks at everything but backups, and changes nothing. Operator also takes real servers "
    "online, drains and halts them. Administrator may do everything.",
)  # fmt: skip

PASSWORD = Section(
    "",
    (
        Field(
            "current", "Current Password", "secret", required=True,
            help="The password that you have logged in with.",
        ),
        Field(
            "new", "New Password", "secret", required=True, help=_HOW_LONG,
        ),
    ),
)  # fmt: skip

API_KEY = Section(
    "",
    (
        Field(
            "name", "Name", "text", required=True, example="monitoring",
            help=f"Who or what uses the key; the change history shows it: {LABEL_FORM}.",
        ),
        ROLE,
    ),
)  # fmt: skip

USER_ROLE = Section("", (ROLE,))

NEW_USER = Section(
    "",
    (
        Field(
            "name", "Name", "text", required=True, example="jane",
            help="What the user logs in with, and what the change history and the audit log show: 1 to 32 "
            "small letters, digits, dots, dashes and underscores, beginning with a letter.",
        ),
        ROLE,
        Field("password", "Password", "secret", required=True, help=_HOW_LONG),
    ),
)  # fmt: skip

SET_PASSWORD = Section("", (PASSWORD.fields[1],))
