"""What lbadmin-web answers when it fails itself: a page or a problem, guarded like any other answer."""

import httpx
import pytest

from lbadmin.client import PREFIX
from lbadmin.web import create_app
from lbadmin.web.backend import Backend
from lbadmin.web.guard import HEADERS

IMPOSSIBLE = "/run/secret-\ud800.sock"
"""A path that no file can have: connecting to it fails in a way that nobody has thought of."""


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("path", "media_type"), [("/lbadmin/", "text/html"), (f"{PREFIX}/status", "application/problem+json")]
)
async def test_a_bug_is_told_without_its_inside(path: str, media_type: str) -> None:
    transport = httpx.ASGITransport(create_app(Backend(IMPOSSIBLE)), raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="https://lbva") as browser:
        answer = await browser.get(path, headers={"Cookie": f"__Host-lbadmin={'t' * 43}"})
    assert answer.status_code == 500
    assert answer.headers["content-type"].startswith(media_type)
    assert "its journal has the reason" in answer.text
    assert "secret" not in answer.text
    assert {name: answer.headers.get(name) for name in HEADERS} == HEADERS
    assert answer.headers["cache-control"] == "no-store"


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"
