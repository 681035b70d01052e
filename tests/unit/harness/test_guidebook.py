"""Our deployment guide's text, without its pictures."""

import re
import shlex
from html.parser import HTMLParser
from pathlib import Path

import pytest
from PIL import Image

from harness.errors import LabError
from harness.guidebook import SOURCE, Figures, render
from lbadmin.cli.verbs import verb_of


class Guide(HTMLParser):
    """What the guide's HTML has of figures and links."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.alternatives: list[str] = []
        self.ids: list[str] = []
        self.links: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        self.ids += [given["id"] or ""] if "id" in given else []
        self.links += [given["href"] or ""] if tag == "a" else []
        self.alternatives += [given.get("alt") or ""] if tag == "img" else []


@pytest.fixture(scope="module")
def text() -> str:
    return render(SOURCE, lambda _: (1, "data:", (1180, 800)), "1.2.3")


def test_every_figure_has_a_caption_and_tells_what_it_shows(text: str) -> None:
    captions = re.findall(r"<figcaption>Figure 1: (.+?)</figcaption>", text)
    alternatives = Guide(text).alternatives
    assert len(captions) == len(alternatives) > 0
    assert all(len(each) > 20 for each in alternatives)


def test_every_link_leads_somewhere_within_the_guide(text: str) -> None:
    guide = Guide(text)
    assert len(guide.ids) == len(set(guide.ids)), "ids are not unique"
    assert guide.links
    assert {link for link in guide.links if link.removeprefix("#") not in guide.ids} == set()


def test_lbcli_takes_every_command_of_the_guide(text: str) -> None:
    blocks = [part for part in re.findall(r"<pre>(.+?)</pre>", text, re.DOTALL) if part.startswith("lbcli")]
    lines = [line for block in blocks for line in block.replace("\\\n", " ").splitlines()]
    assert len(lines) > 6
    for _, name, *options in map(shlex.split, lines):
        verb = verb_of(name)
        assert verb is not None, name
        verb.parser().parse_args(options)


def test_the_guide_names_the_version_that_its_pictures_show(text: str) -> None:
    assert "LBVA 1.2.3" in text


@pytest.fixture
def figures(tmp_path: Path) -> Figures:
    picture = tmp_path / "01-login.png"
    Image.new("RGB", (30, 20)).save(picture)
    return Figures({"login": picture, "overview": picture})


def test_a_figure_has_number_data_and_size(figures: Figures) -> None:
    number, data, size = figures.show("login")
    assert (number, size) == (1, (30, 20))
    assert data.startswith("data:image/png;base64,iVBOR")
    assert figures.show("overview")[0] == 2


def test_a_picture_that_is_missing_shown_twice_or_left_over_is_told(figures: Figures) -> None:
    with pytest.raises(LabError, match="there is no picture 'routing': there are login, overview"):
        figures.show("routing")
    figures.show("login")
    with pytest.raises(LabError, match="'login' is shown twice"):
        figures.show("login")
    assert figures.left_over() == ["overview"]
