"""Who may read the counters by SNMP."""

from lbadmin.document import Document


class Snmp(Document):
    """Who may read the counters by SNMP."""
