"""Pages for users who may not change everything: what would be refused is not offered, on any page.

lbadmind decides what a role may do (`roles`); this only takes away what leads nowhere. It works on the
finished page, so that no view and no template has to think of it: forms that are sent keep their values and
lose their buttons, and links that are buttons to a page with a form are left out. All texts of a page are
escaped, so what looks like a form is one.
"""

import re
from collections.abc import Callable

from lbadmin.roles import Role

OWN = frozenset({"/lbadmin/logout", "/lbadmin/maintenance/passwords"})
"""Where every role may send a form to."""
OPERATORS = frozenset({"/lbadmin/overview/state"})
"""Where operators may, too."""
TRUSTED = re.compile(
    r"/lbadmin/(maintenance/backup/download|certificates/of/[^/]+/request|view/history/[^/]+/[0-9]+/restore)"
)
"""Pages that are for administrators even to look at, or that show nothing but a button."""

HINT = '<p class="hint">Only administrators can change this.</p>'

_FORM = re.compile(r'(<form\b(?=[^>]*method="post")[^>]*>)(.*?)(</form>)', re.DOTALL)
_ACTION = re.compile(r' action="([^"]*)"')
_BUTTON = re.compile(r"<button\b.*?</button>", re.DOTALL)
_LINK = re.compile(
    r'<a class="btn\b[^"]*btn-(outline-)?(primary|danger)\b[^>]* href="([^"?#]*)[^>]*>.*?</a>', re.DOTALL
)
_PLAIN_LINK = re.compile(r'<a\b[^>]*\bhref="([^"?#]*)[^>]*>(.*?)</a>', re.DOTALL)

TakesForms = Callable[[str], bool]
"""Tells whether the page at a path takes a form."""


def closed(html: str, role: Role, here: str, takes_forms: TakesForms) -> str:
    """Return a page, or a part of one at the path `here`, with what the role may not do left out."""
    if role == "administrator":
        return html
    allowed = OWN | OPERATORS if role == "operator" else OWN

    def form(found: re.Match[str]) -> str:
        action = _ACTION.search(found[1])
        if (action[1] if action else here) in allowed:
            return found[0]
        hint = HINT if 'class="fields' in found[1] else ""
        rest = _LINK.sub(link, _BUTTON.sub("", found[2]))
        return f"{found[1]}<fieldset disabled>{rest}</fieldset>{hint}{found[3]}"

    def link(found: re.Match[str]) -> str:
        looks = found[2] == "primary" and found[1] is not None
        where = found[3]
        leads_nowhere = TRUSTED.fullmatch(where) or (
            takes_forms(where) and not looks and where not in allowed
        )
        return "" if leads_nowhere else found[0]

    shown = _LINK.sub(link, _FORM.sub(form, html))
    return _PLAIN_LINK.sub(lambda found: found[2] if TRUSTED.fullmatch(found[1]) else found[0], shown)
