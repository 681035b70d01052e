"""Numbered pictures of the WebUI: taken by the test that follows the guide, shown in our own guide."""

import shutil
from collections.abc import Sequence
from pathlib import Path

from playwright.sync_api import Locator, Page

from harness.errors import LabError
from harness.state import REPOSITORY

STEPS = REPOSITORY / "build" / "docs" / "steps"
_COMPLETE = "complete"
_MARK = "element => { element.style.outline = '3px solid #d9480f'; element.style.outlineOffset = '3px'; }"
_UNMARK = "element => { element.style.outline = element.style.outlineOffset = ''; }"


class Pictures:
    """A folder of pictures NN-name.png, in the order in which they were taken.

    The file `complete` in it says that all were taken, and of which version of the appliance.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._taken = 0

    def begin(self) -> None:
        """Throw away what an earlier run took."""
        shutil.rmtree(self._folder, ignore_errors=True)
        self._folder.mkdir(parents=True)

    def take(self, page: Page, name: str, marked: Sequence[Locator] = ()) -> None:
        """Take a picture of what the page shows, with a frame around the elements that matter."""
        for each in marked:
            each.scroll_into_view_if_needed()
            each.evaluate(_MARK)
        self._taken += 1
        page.screenshot(path=self._folder / f"{self._taken:02}-{name}.png", animations="disabled")
        for each in marked:
            each.evaluate(_UNMARK)

    def finish(self, version: str) -> None:
        """Say that all pictures are there."""
        (self._folder / _COMPLETE).write_text(f"{version}\n", encoding="utf-8")

    def version(self) -> str:
        """Return the appliance's version in the pictures; raises LabError unless all were taken."""
        complete = self._folder / _COMPLETE
        if not complete.exists():
            raise LabError(f"{self._folder} has not all pictures", "`make docs` takes them")
        return complete.read_text(encoding="utf-8").strip()

    def by_name(self) -> dict[str, Path]:
        """Return all pictures by their names without the numbers, in order."""
        return {path.stem.partition("-")[2]: path for path in sorted(self._folder.glob("[0-9]*.png"))}
