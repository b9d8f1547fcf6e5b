"""The site is complete, and works in a browser."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from babel.messages.pofile import read_po
from playwright.sync_api import Browser, Page
from sphinx.util.inventory import InventoryFile
from support.constants import ROOT

DOCS = ROOT / "docs"
SITE = ROOT / "site"
PAGES = sorted(str(page.relative_to(DOCS).with_suffix(".html")) for page in DOCS.rglob("*.md"))
BOTH = [*PAGES, *(f"zh/{page}" for page in PAGES)]
TRANSLATIONS = DOCS / "locales" / "zh_CN" / "LC_MESSAGES"
# sphinx.po has the words around the pages, which belong to no page.
TRANSLATED = sorted({str(path.relative_to(TRANSLATIONS)) for path in TRANSLATIONS.rglob("*.po")} - {"sphinx.po"})
# Text that is the same in each language, such as "1.8 s".
FIGURE = re.compile(r"[\d.,]+( \w+)?")
PUBLIC_NAMES = ROOT / "tests" / "generated" / "public_names.txt"
# Modules of the runtime that generated code uses, and programs do not.
FOR_GENERATED_PACKAGES = ("binance_client.client", "binance_client.messages", "binance_client.spec")
PHONE, DESKTOP = {"width": 390, "height": 844}, {"width": 1280, "height": 900}


@pytest.fixture(name="browser_page")
def _browser_page(request: pytest.FixtureRequest, chromium: Browser) -> Iterator[Page]:
    """Yield a page of the browser with the requested settings."""
    settings = getattr(request, "param", {"viewport": DESKTOP})
    context = chromium.new_context(**settings)
    yield context.new_page()
    context.close()


@pytest.mark.parametrize(
    "browser_page",
    [
        pytest.param({"viewport": size, "color_scheme": scheme}, id=f"{name}, {scheme}")
        for name, size in (("phone", PHONE), ("desktop", DESKTOP))
        for scheme in ("light", "dark")
    ],
    indirect=True,
)
def test_pages_in_a_browser(browser_page: Page, address: str) -> None:
    """No page has an error in the console, requests missing or foreign URLs, or scrolls sideways."""
    faults = watched(browser_page, address)

    for name in BOTH:
        browser_page.goto(f"{address}/{name}")
        wide, visible = browser_page.evaluate(
            "[document.documentElement.scrollWidth, document.documentElement.clientWidth]"
        )
        if wide > visible:
            faults.append(f"{name} scrolls sideways: {wide} of {visible} pixels")

    assert [] == faults


def watched(page: Page, address: str) -> list[str]:
    """Return a list that collects everything that goes wrong on a page from now on."""
    faults: list[str] = []
    page.on("console", lambda message: faults.append(f"{page.url}: {message.type}: {message.text}"))
    page.on("pageerror", lambda error: faults.append(f"{page.url}: {error}"))
    page.on("requestfailed", lambda request: faults.append(f"{page.url}: {request.url} failed"))
    page.on("response", lambda got: None if got.status < 400 else faults.append(f"{got.url}: {got.status}"))
    page.on("request", lambda sent: None if sent.url.startswith(address) else faults.append(f"requested {sent.url}"))
    return faults


def test_languages_link_to_each_other(browser_page: Page, address: str) -> None:
    """Each page has a link to the same page in the other language, and says which language it is in."""
    for name in PAGES:
        browser_page.goto(f"{address}/{name}")
        assert "en" == browser_page.locator("html").get_attribute("lang")
        browser_page.get_by_role("link", name="中文").click()
        assert f"{address}/zh/{name}" == browser_page.url
        assert "zh-CN" == browser_page.locator("html").get_attribute("lang")
        browser_page.get_by_role("link", name="English").click()
        assert f"{address}/{name}" == browser_page.url


@pytest.mark.parametrize(("language", "word"), [("", "signature"), ("zh/", "签名")], ids=["English", "Chinese"])
def test_search(browser_page: Page, address: str, language: str, word: str) -> None:
    """The search finds the page that explains a word, without an error in the console."""
    faults = watched(browser_page, address)

    browser_page.goto(f"{address}/{language}search.html?q={word}")
    browser_page.locator('#search-results a[href^="explanation/signing.html"]').first.wait_for()

    assert [] == faults


def test_everything_public_is_in_the_reference() -> None:
    """Each public name that programs use is in the reference, under one of the modules that have it."""
    inventory = InventoryFile.loads((SITE / "objects.inv").read_bytes(), uri="")
    documented = {name for kind, names in inventory.data.items() if kind.startswith("py:") for name in names}
    listed = re.findall(r"^(\S+): (\w+)", PUBLIC_NAMES.read_text(encoding="utf-8"), re.MULTILINE)
    used = {name for module, name in listed if not module.startswith(FOR_GENERATED_PACKAGES)}

    assert set() == used - {name.rpartition(".")[2] for name in documented}


def test_llms_txt_lists_every_page() -> None:
    """llms.txt lists all pages, and no others."""
    named = re.findall(r"^- \[[^]]+\]\(([^)]+)\): .+$", (SITE / "llms.txt").read_text(encoding="utf-8"), re.MULTILINE)

    assert [*sorted(PAGES), "openapi.json"] == sorted(named, key=lambda name: (name == "openapi.json", name))
    assert all((SITE / name).is_file() for name in named)


@pytest.mark.parametrize("name", TRANSLATED)
def test_translation_is_complete(name: str, templates: Path) -> None:
    """Each paragraph of a translated page is translated from its current English text."""
    with (templates / name).with_suffix(".pot").open("rb") as file:
        english = [str(message.id) for message in read_po(file) if message.id]
    with (TRANSLATIONS / name).open("rb") as file:
        chinese = read_po(file)

    done = {str(message.id) for message in chinese if message.string and not message.fuzzy}
    left = [text for text in english if text not in done and not FIGURE.fullmatch(text)]
    assert [] == left, "run `make translations`, and translate the empty and fuzzy entries"
