"""The fields of SNMP Configuration; as in `catalogue`, a field's path is its place in NodeConfig."""

from lbadmin.catalogue import Field, Section

SNMP = Section(
    "",
    (
        Field(
            "snmp.enabled", "Enable SNMP", "flag", default="false", option="snmp",
            help="Let the networks below read this appliance's counters by SNMP, on UDP port 161 of all its "
            "addresses. Nothing can be changed by SNMP. While it is off nothing listens.",
        ),
        Field(
            "snmp.versions", "SNMP Versions", "choice", default="v3", option="snmp-versions",
            choices=(("v3", "Version 3"), ("v2c", "Version 2c"), ("both", "Versions 2c and 3")),
            help="Version 3 proves who asks and encrypts what is said. Version 2c does neither: who hears "
            "the community may ask, too.",
        ),
        Field(
            "snmp.networks", "Networks That May Ask", "list", option="snmp-networks",
            example="192.168.2.0/24",
            help="Networks and single addresses whose requests are answered, in all versions; one a line, at "
            "most 64. All others get no answer. 0.0.0.0/0 and ::/0 are everybody.",
        ),
        Field(
            "snmp.contact", "Contact", "text", option="snmp-contact", example="network@example.com",
            help="Who looks after this appliance (sysContact), at most 255 characters. Blank: no name.",
        ),
        Field(
            "snmp.location", "Location", "text", option="snmp-location", example="Rack 7, Amsterdam",
            help="Where this appliance is (sysLocation), at most 255 characters. Blank: no place is named.",
        ),
    ),
)  # fmt: skip

SNMP_V2C = Section(
    "Version 2c",
    (
        Field(
            "snmp.community", "Community", "secret", option="snmp-community",
            help="The word that requests of version 2c carry, readable for everybody on their way. Blank: as "
            "it was.",
        ),
    ),
)  # fmt: skip

SNMP_V3 = Section(
    "Version 3",
    (
        Field(
            "snmp.user", "User", "text", option="snmp-user", example="monitoring",
            help="The name that requests of version 3 carry: 1 to 32 letters, digits, dots, dashes and "
            "underscores.",
        ),
        Field(
            "snmp.auth_algorithm", "Authentication", "choice", default="SHA-512", option="snmp-auth",
            choices=(("SHA-256", "SHA-256"), ("SHA-512", "SHA-512")),
            help="How requests and answers are signed (RFC 7860); choose what the asking program has.",
        ),
        Field(
            "snmp.auth_password", "Authentication Passphrase", "secret", option="snmp-auth-password",
            help="What the signatures are made with, at least 8 characters. Blank: as it was.",
        ),
        Field(
            "snmp.privacy_algorithm", "Privacy", "choice", default="AES", option="snmp-privacy",
            choices=(("AES", "AES-128"), ("AES-256", "AES-256")),
            help="How requests and answers are encrypted. AES-128 is the standard's (RFC 3826); AES-256 is "
            "that of net-snmp, and not every program has it.",
        ),
        Field(
            "snmp.privacy_password", "Privacy Passphrase", "secret", option="snmp-privacy-password",
            help="What the encryption is made with, at least 8 characters. Blank: as it was.",
        ),
    ),
)  # fmt: skip

SNMP_SECTIONS = (SNMP, SNMP_V2C, SNMP_V3)
