"""The generator as a click command, standalone or within a group; importing it needs only click."""

import sys
import tempfile
from importlib import invalidate_caches
from importlib.util import find_spec
from keyword import iskeyword
from pathlib import Path

import click

from . import MISSING_EXTRA
from .output import is_generated


def _package_name(_context: click.Context, _option: click.Parameter, name: str) -> str:
    if not name.isidentifier() or iskeyword(name) or name.startswith("__"):
        raise click.BadParameter(f"{name!r} is not a valid package name; expected letters, digits and underscores")
    if name in sys.stdlib_module_names:
        raise click.BadParameter(f"{name!r} is a module of Python's standard library; choose another name")
    installed = find_spec(name)
    if installed and installed.origin and not is_generated(Path(installed.origin)):
        raise click.BadParameter(f"{name!r} is already installed, in {installed.origin}; choose another name")
    return name


@click.command()
@click.option(
    "--spec", type=click.Path(path_type=Path), default="openapi.yaml", show_default=True, help="OpenAPI document."
)
@click.option(
    "--config",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="Settings of openapi-python-client (default: those of binance_coinm).",
)
@click.option(
    "--output",
    type=click.Path(path_type=Path),
    default="generated",
    show_default=True,
    help="Parent directory of the package.",
)
@click.option("--package", callback=_package_name, default="binance_coinm", show_default=True, help="Package name.")
@click.option("--check", is_flag=True, help="Change nothing; fail if the package is not up to date.")
def generate(spec: Path, config: Path | None, output: Path, package: str, *, check: bool) -> None:
    """Generate a client package from an OpenAPI document.

    An existing package is replaced only if it is a generated one, and only if the document has no errors.
    """
    try:
        from . import generate as generator  # noqa: PLC0415, a group of commands must not need the libraries
    except ModuleNotFoundError as error:
        if str(error.name).startswith("binance_"):
            raise
        raise click.ClickException(MISSING_EXTRA) from error
    from . import output as folders  # noqa: PLC0415
    from .spec import SpecError  # noqa: PLC0415

    folder = output / package
    with tempfile.TemporaryDirectory() as tmp:
        new = Path(tmp) / package
        try:
            if not check:
                folders.check_replaceable(folder)
            generator.generate(spec, config or generator.DEFAULT_CONFIG, new)
            if not check:
                folders.replace(folder, new)
                # `_package_name` has looked for it before it was there.
                invalidate_caches()
        except SpecError as error:
            raise click.ClickException(f"{error.place or spec}: {error}") from error
        except (folders.OutputError, generator.ConfigError) as error:
            raise click.ClickException(str(error)) from error
        found = list(folders.differences(folder, new))
    if found:
        raise click.ClickException(
            "\n".join([*found, f"{folder} does not match {spec}: run the same command without --check"])
        )
    if not check:
        click.echo(f"{folder}: generated from {spec}")
