"""The firewall: its script, its lockdown, and how many connections it tracks."""

from lbadmin.document import Document


class Firewall(Document):
    """The firewall: its script, its lockdown, and how many connections it tracks."""
