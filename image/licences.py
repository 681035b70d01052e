"""Licences as Debian's copyright files name them, and as SPDX names them.

Debian packages say in /usr/share/doc/NAME/copyright what they are under, mostly machine-readably (DEP-5,
Debian's copyright-format 1.0). Its short names are older than SPDX' and mostly others.
"""

import re
from dataclasses import dataclass

LBVA = "Apache-2.0"
"""The licence of LBVA itself: the file LICENSE."""

# The identifiers of SPDX' licence list that Debian's short names can mean, those of the GNU family apart.
IDENTIFIERS = (
    "0BSD",
    "AFL-2.0",
    "AFL-2.1",
    "Apache-2.0",
    "Artistic-1.0",
    "Artistic-2.0",
    "BSD-2-Clause",
    "BSD-3-Clause",
    "BSD-4-Clause",
    "BSD-4-Clause-UC",
    "BSL-1.0",
    "Beerware",
    "CC-BY-3.0",
    "CC-BY-4.0",
    "CC-BY-SA-3.0",
    "CC-BY-SA-4.0",
    "CC0-1.0",
    "FSFAP",
    "FSFUL",
    "FSFULLR",
    "FTL",
    "ISC",
    "Latex2e",
    "Libpng",
    "Linux-man-pages-copyleft",
    "MIT",
    "MPL-1.1",
    "MPL-2.0",
    "MS-PL",
    "OFL-1.1",
    "OpenSSL",
    "PSF-2.0",
    "Sleepycat",
    "TCP-wrappers",
    "Unicode-DFS-2016",
    "X11",
    "Zlib",
    "bzip2-1.0.6",
)
# Copyright-format 1.0, section 7.1.1, where its names are not SPDX' own but for capital letters.
_OTHER_NAMES = {
    "artistic": "Artistic-1.0",
    "bsd-0-clause": "0BSD",
    "cc0": "CC0-1.0",
    "expat": "MIT",
}
EXCEPTIONS = {
    "bison-2.2": "Bison-exception-2.2",
    "classpath": "Classpath-exception-2.0",
    "linux-syscall-note": "Linux-syscall-note",
    "llvm": "LLVM-exception",
    "texinfo": "Texinfo-exception",
}
_BY_LOWER = {name.lower(): name for name in IDENTIFIERS} | _OTHER_NAMES
_GNU = re.compile(
    r"(?P<family>A?GPL|LGPL|GFDL(?P<no_invariants>-NIV)?)-(?P<version>[0-9.]+)(?P<tail>\+|-or-later|-only)?",
    re.IGNORECASE,
)
_GNU_VERSIONS = {
    "AGPL": ("1.0", "3.0"),
    "GPL": ("1.0", "2.0", "3.0"),
    "LGPL": ("2.0", "2.1", "3.0"),
    "GFDL": ("1.1", "1.2", "1.3"),
}
_WITH = re.compile(r"(?P<licence>\S+) with (?P<exception>\S+?)(?:[ -]exception)?", re.IGNORECASE)


@dataclass(frozen=True)
class Expression:
    """A licence expression of SPDX, and whether it is one identifier alone."""

    text: str
    single: bool


def spdx(synopsis: str) -> Expression | None:
    """Return a short name, or several joined as DEP-5 joins them, as SPDX says it; None when SPDX can't.

    "and" binds closer than "or", unless a comma stands before it (copyright-format 1.0, section 7.1.2).
    """
    words = " ".join(synopsis.split())
    clauses = re.split(r", (and|or) ", words, flags=re.IGNORECASE)
    if "," in "".join(clauses[::2]) or len({operator.lower() for operator in clauses[1::2]}) > 1:
        return None
    parts = [_clause(clause) for clause in clauses[::2]]
    known = [part for part in parts if part is not None]
    if len(known) < len(parts):
        return None
    if len(known) == 1:
        return known[0]
    return Expression(f" {clauses[1].upper()} ".join(bracketed(part) for part in known), single=False)


def bracketed(expression: Expression) -> str:
    """Return the expression as it stands within a larger one."""
    return (
        f"({expression.text})" if " OR " in expression.text or " AND " in expression.text else expression.text
    )


def _clause(words: str) -> Expression | None:
    alternatives = [
        [_simple(name) for name in re.split(" and ", alternative, flags=re.IGNORECASE)]
        for alternative in re.split(" or ", words, flags=re.IGNORECASE)
    ]
    texts = []
    for names in alternatives:
        known = [name for name in names if name is not None]
        if len(known) < len(names):
            return None
        texts.append(" AND ".join(known))
    texts = list(dict.fromkeys(texts))
    if len(texts) == 1:
        return Expression(texts[0], single=" " not in texts[0])
    return Expression(" OR ".join(f"({text})" if " AND " in text else text for text in texts), single=False)


def _simple(name: str) -> str | None:
    """Return one licence, with or without an exception, in SPDX' words."""
    if excepted := _WITH.fullmatch(name):
        licence = identifier(excepted["licence"])
        exception = EXCEPTIONS.get(excepted["exception"].lower())
        return f"{licence} WITH {exception}" if licence and exception else None
    return identifier(name)


def identifier(name: str) -> str | None:
    """Return SPDX' identifier for one short name, None when it has none."""
    if gnu := _GNU.fullmatch(name):
        return _gnu_identifier(gnu)
    # Trailing zeros of a version say nothing in DEP-5: Apache-2 is Apache-2.0.
    return next((_BY_LOWER[key] for key in (name.lower(), f"{name.lower()}.0") if key in _BY_LOWER), None)


def _gnu_identifier(match: re.Match[str]) -> str | None:
    family = match["family"].upper().partition("-")[0]
    version = match["version"] if "." in match["version"] else f"{match['version']}.0"
    if version not in _GNU_VERSIONS[family]:
        return None
    tail = "-or-later" if match["tail"] in {"+", "-or-later"} else "-only"
    return f"{family}-{version}{'-no-invariants' if match['no_invariants'] else ''}{tail}"
