"""What Debian's names of licences become in SPDX' words."""

import json
from pathlib import Path

import cyclonedx.schema
import pytest
from license_expression import get_spdx_licensing

from image.licences import EXCEPTIONS, IDENTIFIERS, LBVA, identifier, spdx

SPDX_LIST = Path(cyclonedx.schema.__file__).parent / "_res/spdx.SNAPSHOT.schema.json"


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("Expat", "MIT"),
        ("GPL-2+", "GPL-2.0-or-later"),
        ("GPL-2", "GPL-2.0-only"),
        ("GPL-2.0-only", "GPL-2.0-only"),
        ("LGPL-2.1+", "LGPL-2.1-or-later"),
        ("GFDL-NIV-1.3+", "GFDL-1.3-no-invariants-or-later"),
        ("Apache-2", "Apache-2.0"),
        ("BSD-3-clause", "BSD-3-Clause"),
        ("BSD-2-Clause", "BSD-2-Clause"),
        ("CC0", "CC0-1.0"),
        ("zlib", "Zlib"),
        ("GPL-1+ or Artistic", "GPL-1.0-or-later OR Artistic-1.0"),
        ("GPL-1+ or Artistic, and Expat", "(GPL-1.0-or-later OR Artistic-1.0) AND MIT"),
        ("GPL-2+ or LGPL-3+ and ISC", "GPL-2.0-or-later OR (LGPL-3.0-or-later AND ISC)"),
        ("GPL-2 with Linux-syscall-note exception", "GPL-2.0-only WITH Linux-syscall-note"),
        ("Apache-2.0 with LLVM exception", "Apache-2.0 WITH LLVM-exception"),
        ("GFDL-1.3+\n or  GFDL-1.3+", "GFDL-1.3-or-later"),
    ],
)
def test_debians_short_names_become_valid_spdx_expressions(name: str, expected: str) -> None:
    expression = spdx(name)
    assert expression is not None
    assert expression.text == expected
    assert expression.single == (" " not in expected)
    assert get_spdx_licensing().validate(expected).errors == []


@pytest.mark.parametrize(
    "name",
    [
        "public-domain",
        "GPL",  # of no version
        "GPL-9+",
        "GPL-3+ with OpenSSL exception",
        "BSD-3-clause-Cambridge",
        "GPL-2+ or permissive",
        "GPL-2+ with distribution exception, Expat and GPL-2+",
        "ISC, and Expat, or GPL-2+",
        "",
    ],
)
def test_what_spdx_has_no_words_for_stays_as_it_is(name: str) -> None:
    assert spdx(name) is None


def test_every_identifier_and_exception_is_on_spdx_list() -> None:
    listed = set(json.loads(SPDX_LIST.read_text(encoding="utf-8"))["enum"])
    gnu = {
        identifier(name)
        for name in ("GPL-1", "GPL-3+", "LGPL-2", "LGPL-3+", "AGPL-3+", "GFDL-1.1", "GFDL-NIV-1.2")
    }
    assert {*IDENTIFIERS, *gnu, LBVA} <= listed
    for exception in EXCEPTIONS.values():
        assert get_spdx_licensing().validate(f"GPL-3.0-or-later WITH {exception}").errors == []
