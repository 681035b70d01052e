"""The relay that takes the mails of this appliance."""

from lbadmin.document import Document


class Mail(Document):
    """The relay that takes the mails of this appliance."""
