"""The proxy by which the appliance reaches the internet."""

from lbadmin.document import Document


class Proxy(Document):
    """The proxy by which the appliance reaches the internet."""
