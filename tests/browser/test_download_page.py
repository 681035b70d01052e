"""The download page of a release, on a desk and on a phone, by day and by night."""

from pathlib import Path
from typing import Literal

import pytest
from playwright.sync_api import Browser

from harness.browser import WIDE, Complaints
from image.pages import PLATFORMS, Artifact, Release, download_page

PHONE = (360, 740)
AA = 4.5
"""Contrast of text that anybody can read (WCAG 2.2, success criterion 1.4.3)."""

# The least contrast of any text with the nearest ground behind it (WCAG 2.2, "contrast ratio").
_LEAST_CONTRAST = """() => {
  const parts = color => color.match(/[\\d.]+/g).map(Number);
  const light = color => parts(color).slice(0, 3).map(each => each / 255)
    .map(each => each <= 0.04045 ? each / 12.92 : ((each + 0.055) / 1.055) ** 2.4)
    .reduce((sum, each, index) => sum + each * [0.2126, 0.7152, 0.0722][index], 0);
  const ground = element => {
    for (let each = element; each; each = each.parentElement) {
      const color = getComputedStyle(each).backgroundColor;
      if ((parts(color)[3] ?? 1) > 0) return color;
    }
  };
  const written = [...document.body.querySelectorAll("*")]
    .filter(element => [...element.childNodes].some(node => node.nodeType === 3 && node.data.trim()));
  return Math.min(...written.map(element => {
    const both = [getComputedStyle(element).color, ground(element)].map(light);
    const [dark, bright] = both.sort((a, b) => a - b);
    return (bright + 0.05) / (dark + 0.05);
  }));
}"""


@pytest.fixture(params=[True, False], ids=["signed", "unsigned"])
def page_file(tmp_path: Path, request: pytest.FixtureRequest) -> Path:
    version = "0.1.0" if request.param else "10.11.12-1234-g0123456789-dirty"
    artifacts = tuple(
        Artifact(f"lbva-{version}-{platform}.ova", platform, 121_300_000, "0123456789abcdef" * 4)
        for platform in PLATFORMS
    )
    file = tmp_path / "index.html"
    file.write_text(
        download_page(Release(version, 1_700_000_000, artifacts, request.param)), encoding="utf-8"
    )
    return file


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", [WIDE, PHONE], ids=["desk", "phone"])
def test_the_page_fits_and_can_be_read(
    browser: Browser, page_file: Path, size: tuple[int, int], scheme: Literal["light", "dark"]
) -> None:
    context = browser.new_context(viewport={"width": size[0], "height": size[1]}, color_scheme=scheme)
    complaints = Complaints(context)
    try:
        page = context.new_page()
        page.goto(page_file.as_uri())
        assert page.evaluate("document.documentElement.scrollWidth") <= size[0]
        assert page.evaluate(_LEAST_CONTRAST) >= AA
        assert page.get_by_role("table").get_by_role("row").count() == 1 + len(PLATFORMS)
        assert complaints.found == []
    finally:
        context.close()
