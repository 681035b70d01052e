"""Who may log in by SSH, and how."""

from lbadmin.document import Document


class Ssh(Document):
    """Who may log in by SSH, and how."""
