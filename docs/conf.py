"""How Sphinx makes the documentation; `make docs` runs it once for each language."""

import inspect
import logging
import sys
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from pkgutil import walk_packages
from typing import Any

import binance_coinm.api
import jieba
import yaml
from jinja2 import Template
from sphinx.application import Sphinx

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "generator"))

from document import METHODS, resolved  # noqa: E402, only the path above leads to it

DOCUMENT: dict[str, Any] = yaml.safe_load(
    (ROOT / "openapi.yaml").read_text(encoding="utf-8")
)

project = "binance-coinm"
version = release = DOCUMENT["info"]["version"]
copyright = "the binance-coinm developers"  # noqa: A001, Sphinx's name
language = "en"
# What splits Chinese text into the words of the search tells of each of its steps.
jieba.setLogLevel(logging.WARNING)

extensions = [
    "myst_parser",
    "sphinx.ext.autodoc",
    "sphinx_click",
    "sphinx_copybutton",
]
exclude_patterns = ["_templates"]
templates_path = ["_templates"]

myst_enable_extensions = ["attrs_block", "colon_fence", "deflist"]
myst_heading_anchors = 3

# `make translations` brings these up to date with the pages.
locale_dirs = ["locales"]
gettext_compact = False
gettext_location = False
gettext_last_translator = gettext_language_team = copyright

autodoc_member_order = "bysource"
autodoc_typehints_format = "short"
autodoc_preserve_defaults = True
autodoc_type_aliases = {"SigningClient": "binance_signing.SigningClient"}
default_role = "code"
nitpick_ignore_regex = [
    # What is not ours is documented elsewhere, on the network.
    ("py:.*", r"(?!binance_).*"),
    # The names in between, which signatures have and programs need not.
    (
        "py:class",
        r"binance_signing\._.*|binance_coinm\.engines\..*|binance_coinm\.types\.T",
    ),
]

html_theme = "furo"
html_title = f"binance-coinm {version}"
html_copy_source = False
html_extra_path = ["llms.txt", "../openapi.yaml"]
html_show_sphinx = False
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_js_files = ["chinese_search.js"]
html_sidebars = {
    "**": [
        "sidebar/brand.html",
        "sidebar/language.html",
        "sidebar/search.html",
        "sidebar/scroll-start.html",
        "sidebar/navigation.html",
        "sidebar/scroll-end.html",
    ]
}


def directives(module_name: str) -> Iterator[str]:
    """Give what documents each public name of a module.

    By itself autodoc leaves out those that are loaded late.
    """
    module = import_module(module_name)
    names = getattr(module, "__all__", None) or [
        name
        for name, value in vars(module).items()
        if not name.startswith("_")
        and getattr(value, "__module__", None) == module_name
    ]
    for name in names:
        value, full_name = getattr(module, name), f"{module_name}.{name}"
        if not inspect.isclass(value):
            kind = "function" if inspect.isroutine(value) else "data"
            yield f".. auto{kind}:: {full_name}"
        elif issubclass(value, Exception):
            yield f".. autoexception:: {full_name}\n   :members:\n   :show-inheritance:"
        else:
            members = ":members:\n   :inherited-members: str, tuple"
            yield f".. autoclass:: {full_name}\n   {members}"


def rendered(_app: Sphinx, page: str, source: list[str]) -> None:
    """Let a page of the reference be a template of openapi.yaml and the package."""
    if page.startswith("reference/"):
        modules = walk_packages(binance_coinm.api.__path__, "binance_coinm.api.")
        source[0] = Template(source[0]).render(
            document=DOCUMENT,
            methods=METHODS,
            resolved=lambda node: resolved(DOCUMENT, node),
            directives=lambda module: "\n\n".join(directives(module)),
            operation_modules=[module.name for module in modules if not module.ispkg],
        )


def setup(app: Sphinx) -> None:
    """Have pages rendered as they are read."""
    app.connect("source-read", rendered)
