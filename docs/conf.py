"""Configuration of Sphinx; `make docs` builds the site once for each language."""

import inspect
import json
import logging
from collections.abc import Iterator
from functools import partial
from importlib import import_module
from pathlib import Path
from pkgutil import walk_packages
from types import ModuleType
from typing import Any

import binance_coinm.api
import click
import jieba
from binance_coinm_cli._app import EXIT_CODES
from binance_generator.spec import METHODS, resolve
from jinja2 import Template
from openapi_python_client.strings import PythonIdentifier
from sphinx.application import Sphinx

ROOT = Path(__file__).parents[1]
# openapi.yaml and the files that it refers to, as one document.
BUNDLED_SPEC = ROOT / "generated" / "binance_coinm" / "openapi.json"
DOCUMENT: dict[str, Any] = json.loads(BUNDLED_SPEC.read_text(encoding="utf-8"))

project = "binance-coinm"
version = release = DOCUMENT["info"]["version"]
copyright = "the binance-coinm developers"  # noqa: A001, Sphinx's name
language = "en"
# jieba, which segments Chinese text for the search, logs each step.
jieba.setLogLevel(logging.WARNING)

extensions = [
    "myst_parser",
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",
    "sphinx_click",
    "sphinx_copybutton",
]
exclude_patterns = ["_snippets", "_templates"]
templates_path = ["_templates"]

myst_enable_extensions = ["attrs_block", "colon_fence", "deflist"]
myst_heading_anchors = 3

# `make translations` updates these from the pages.
locale_dirs = ["locales"]
gettext_compact = False
gettext_location = False
gettext_last_translator = gettext_language_team = copyright

autodoc_member_order = "bysource"
autodoc_typehints_format = "short"
default_role = "code"
# The headings name the modules.
add_module_names = False
# Quotation marks and ellipses, but no dashes: options begin with --.
smartquotes_action = "qe"
nitpick_ignore_regex = [
    # Other libraries are documented on other sites.
    ("py:.*", r"(?!binance_).*"),
    # Types in signatures that users do not need by name.
    ("py:class", r"binance_client\.(connections|messages|policy|sending|spec)\..*"),
    ("py:class", r".*\.(T|RowT)"),
]
# `Client.connect` is documented as the function `connect`.
CLASS_OPTIONS = """:members:
   :inherited-members: int, str, tuple
   :exclude-members: connect"""

html_theme = "furo"
html_favicon = "_static/icon.svg"
html_title = f"binance-coinm {version}"
html_copy_source = False
html_extra_path = ["llms.txt", str(BUNDLED_SPEC)]
html_show_sphinx = False
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_js_files = ["search_fixes.js"]
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


def public_names(module: ModuleType) -> list[str]:
    """Return `__all__`, else the names that a module defines, else those it imports."""
    if hasattr(module, "__all__"):
        return list(module.__all__)
    # Constants such as numbers have no `__module__`; one in capitals is this module's.
    sources = {
        name: getattr(value, "__module__", module.__name__ if name.isupper() else "")
        for name, value in vars(module).items()
        if not name.startswith("_")
    }
    own = [name for name, source in sources.items() if source == module.__name__]
    return own or [
        name for name, source in sources.items() if source.startswith("binance_")
    ]


def directives(place: str, documented: set[int]) -> Iterator[str]:
    """Return a directive for each public name that is not documented yet.

    `place` is a module, or one of its names as `module:name`. autodoc itself omits
    names that are imported lazily or from the runtime.
    """
    module_name, _, only = place.partition(":")
    module = import_module(module_name)
    for name in [only] if only else public_names(module):
        value, full_name = getattr(module, name), f"{module_name}.{name}"
        if inspect.ismodule(value) or id(value) in documented:
            continue
        documented.add(id(value))
        if not inspect.isclass(value):
            kind = "function" if inspect.isroutine(value) else "data"
            yield f".. auto{kind}:: {full_name}"
        elif issubclass(value, Exception):
            yield f".. autoexception:: {full_name}\n   :members:\n   :show-inheritance:"
        else:
            yield f".. autoclass:: {full_name}\n   {CLASS_OPTIONS}"


def render(_app: Sphinx, page: str, source: list[str]) -> None:
    """Render a page of the reference, a template with the document and the packages."""
    if page.startswith("reference/"):
        documented = set[int]()
        api = "binance_coinm.api."
        modules = [
            module.name.removeprefix(api)
            for module in walk_packages(binance_coinm.api.__path__, api)
        ]
        source[0] = Template(source[0]).render(
            document=DOCUMENT,
            methods=METHODS,
            resolved=lambda node: resolve(DOCUMENT, node),
            python_name=lambda name: PythonIdentifier(name, ""),
            json_text=partial(json.dumps, indent=2, ensure_ascii=False),
            exit_codes=EXIT_CODES,
            directives=lambda place: "\n\n".join(directives(place, documented)),
            tags=[name for name in modules if "." not in name],
            operations=[name for name in modules if "." in name and "._" not in name],
        )


def mark_translated(
    app: Sphinx, page: str, _template: str, context: dict[str, Any], _: object
) -> None:
    """Let the template say of a page without a translation that it has none."""
    folder = Path(app.confdir, "locales", app.config.language, "LC_MESSAGES")
    is_source = app.config.language == language or page not in app.env.found_docs
    context["is_translated"] = is_source or (folder / f"{page}.po").exists()


def omit_exit_codes(_app: Sphinx, _context: click.Context, lines: list[str]) -> None:
    """Remove the end of a command's help, the exit codes: the page has them once."""
    lines.clear()


def setup(app: Sphinx) -> None:
    """Render pages when they are read, and mark those without a translation."""
    app.connect("source-read", render)
    app.connect("html-page-context", mark_translated)
    # An event of sphinx_click.
    app.connect("sphinx-click-process-epilog", omit_exit_codes)
