"""`make docs`: our deployment guide as HTML and PDF, from docs/guide and the guide test's pictures."""

import base64
import sys
from collections.abc import Callable
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup
from PIL import Image
from playwright.sync_api import Browser

from harness.appliance import FACTORY_LOGIN, OCS_PORTS, SERVICE_LABEL
from harness.browser import chromium
from harness.errors import LabError, die
from harness.pictures import STEPS, Pictures
from harness.state import REPOSITORY
from harness.topology import VIP

SOURCE = REPOSITORY / "docs" / "guide"
OUT = REPOSITORY / "build" / "docs"
NAME = "lbva-ocs-2007-r2"
_FOOTER = (
    '<div style="width: 100%; font-size: 8px; text-align: center; color: #5b6878">'
    '<span class="pageNumber"></span> / <span class="totalPages"></span></div>'
)


class Figures:
    """The pictures for the text: each is numbered where it is first shown, and none may be left over."""

    def __init__(self, pictures: dict[str, Path]) -> None:
        self._pictures = pictures
        self._shown: list[str] = []

    def show(self, name: str) -> tuple[int, Markup, tuple[int, int]]:
        """Return a picture's number, its data as a URL, and its size. Raises LabError when there is none."""
        if name not in self._pictures:
            raise LabError(f"there is no picture {name!r}", f"there are {', '.join(self._pictures)}")
        if name in self._shown:
            raise LabError(f"the picture {name!r} is shown twice", "refer to its number instead")
        self._shown.append(name)
        path = self._pictures[name]
        data = base64.b64encode(path.read_bytes()).decode("ascii")
        with Image.open(path) as picture:
            size = picture.size
        return len(self._shown), Markup(f"data:image/png;base64,{data}"), size  # noqa: S704 - base64

    def left_over(self) -> list[str]:
        """Return the names of the pictures that the text does not show."""
        return [name for name in self._pictures if name not in self._shown]


def render(source: Path, show: Callable[[str], object], version: str) -> str:
    """Return the guide as HTML, with everything it needs within."""
    environment = Environment(
        loader=FileSystemLoader(source),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals["show"] = show
    return environment.get_template("guide.html").render(
        version=version, label=SERVICE_LABEL, vip=VIP, ports=OCS_PORTS, login=FACTORY_LOGIN
    )


def print_pdf(browser: Browser, html: Path, pdf: Path) -> None:
    """Print a page as A4, with page numbers and the headings as its outline."""
    page = browser.new_page()
    page.goto(html.as_uri())
    page.pdf(
        path=pdf,
        format="A4",
        print_background=True,
        display_header_footer=True,
        header_template="<span></span>",
        footer_template=_FOOTER,
        outline=True,
        tagged=True,
    )


def write_html(pictures: Pictures) -> Path:
    """Write the HTML page and return its path. Raises LabError when text and pictures do not fit."""
    version = pictures.version()
    figures = Figures(pictures.by_name())
    html = OUT / f"{NAME}.html"
    html.write_text(render(SOURCE, figures.show, version), encoding="utf-8")
    if left_over := figures.left_over():
        raise LabError(f"docs/guide does not show {', '.join(left_over)}", "show them, or do not take them")
    return html


def main() -> None:
    """Write build/docs/lbva-ocs-2007-r2.html and .pdf."""
    try:
        html = write_html(Pictures(STEPS))
        pdf = html.with_suffix(".pdf")
        with chromium() as browser:
            print_pdf(browser, html, pdf)
    except LabError as error:
        die(error.message, error.hint)
    sys.stdout.write(f"{html}\n{pdf}\n")


if __name__ == "__main__":
    main()
