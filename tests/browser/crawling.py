"""Visiting every page that a link leads to, and seeing what is wrong with it."""

import re
from collections import deque
from pathlib import Path
from urllib.parse import urldefrag, urlsplit

from playwright.sync_api import Page

from tests.browser.conftest import REPORT

PICTURES = REPORT / "pages"
OVERFLOW = """() => [...document.querySelectorAll('body *')]
    .filter(each => each.getBoundingClientRect().right > innerWidth + 1 && !each.closest('.scroll, .skip'))
    .map(each => each.outerHTML.slice(0, 120))"""
UNEXPLAINED = """() => [...document.querySelectorAll('main :is(input, select, textarea)')]
    .filter(each => !each.hidden && !['hidden', 'submit', 'button'].includes(each.type))
    .filter(each => !each.labels?.length || !each.closest('.field')?.querySelector('details.help > summary'))
    .map(each => each.outerHTML.slice(0, 120))"""
REPEATED_IDS = """() => [...document.querySelectorAll('[id]')].map(each => each.id)
    .filter((id, place, all) => all.indexOf(id) !== place)"""


def crawl(page: Page, folder: str = "", peer: str = "") -> dict[str, list[str]]:
    """Visit every page that can be reached by links, and return what is wrong with each.

    Pictures are kept in `folder` of the report's pages. Links to the address `peer` are not followed.
    """
    found: dict[str, list[str]] = {}
    seen: set[str] = set()
    waiting = deque(["/lbadmin/"])
    while waiting:
        path = waiting.popleft()
        kind = re.sub(r"\d+", "N", path)
        if kind in seen:
            continue
        seen.add(kind)
        answer = page.request.get(path, max_redirects=0)
        if not answer.headers.get("content-type", "").startswith("text/html"):
            found[path] = [] if answer.ok else [f"answers {answer.status}"]
            continue
        page.goto(path)
        found[path] = problems_of(page, answer.status, PICTURES / folder)
        waiting.extend(link for link in links_of(page) if urlsplit(link).hostname != peer)
    return found


def problems_of(page: Page, status: int, pictures: Path) -> list[str]:
    """Return what is wrong with the page shown, and keep its picture."""
    width = page.evaluate("innerWidth")
    name = re.sub(r"\W+", "-", urlsplit(page.url).path).strip("-")
    page.screenshot(path=pictures / f"{name}-{width}.png", full_page=True)
    problems = [f"answers {status}"] if status != 200 else []
    if page.locator("h1").count() != 1:
        problems.append("has not exactly one heading")
    page.eval_on_selector_all("main details:not(.help)", "all => all.forEach(each => each.open = true)")
    problems += [f"too wide: {each}" for each in page.evaluate(OVERFLOW)]
    problems += [f"no label or help: {each}" for each in page.evaluate(UNEXPLAINED)]
    problems += [f"id twice: {each}" for each in page.evaluate(REPEATED_IDS)]
    return problems


def links_of(page: Page) -> list[str]:
    """Return the paths that the page links to; a link to another host is one, too, and will not answer."""
    urls = page.eval_on_selector_all("a[href]", "all => all.map(each => each.href)")
    here = urlsplit(page.url).netloc
    paths = []
    for url in urls:
        parts = urlsplit(urldefrag(url).url)
        path = f"{parts.path}?{parts.query}" if parts.query else parts.path
        paths.append(path if parts.netloc == here else url)
    return paths
