"""Make a client package of an OpenAPI document.

A launcher over the exactly pinned openapi-python-client: it adds decimals, and hands the templates in templates/ the
facts that upstream does not. The package is made aside and takes the old one's place only when nothing was wrong.
"""

import argparse
import filecmp
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import redirect_stdout
from io import StringIO
from pathlib import Path
from typing import NoReturn

import openapi_python_client as upstream
from openapi_python_client.cli import handle_errors
from openapi_python_client.config import Config, ConfigFile, MetaType
from openapi_python_client.parser import GeneratorData
from openapi_python_client.parser.errors import GeneratorError
from openapi_python_client.parser.properties import AnyProperty, ModelProperty
from openapi_python_client.parser.properties.int import IntProperty
from openapi_python_client.parser.properties.protocol import PropertyProtocol
from openapi_python_client.parser.properties.string import StringProperty
from openapi_spec_validator import OpenAPIV31SpecValidator
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError
from typer import Exit

sys.path.insert(0, str(Path(__file__).parent))
import decimal_property
from decimal_property import DecimalProperty
from facts import Document, DocumentError, Facts, dangling_references, facts_of, without_what_is_not_asked_for

TEMPLATES = Path(__file__).parent / "templates"
# Modules that upstream's clients do not have.
OWN_MODULES = ("engines.py", "reading.py", "arguments.py", "security.py", "servers.py")


class Project(upstream.Project):
    """Upstream's project, and what is beside its modules: our own, the type marker, the document itself."""

    facts: Facts

    def _build_metadata(self) -> None:
        for name in OWN_MODULES:
            (self.package_dir / name).write_text(self.env.get_template(f"{name}.jinja").render())
        (self.package_dir / "py.typed").touch()
        shutil.copyfile(self.config.document_source, self.package_dir / "openapi.yaml")


def read(spec: Path) -> Document:
    """Read a document, or raise `DocumentError` with the place of what is wrong in it."""
    try:
        document = YAML(typ="safe").load(spec)
    except (OSError, YAMLError) as error:
        raise DocumentError(str(error)) from error
    if not isinstance(document, dict):
        raise DocumentError(f"expected an OpenAPI document, got {type(document).__name__}")
    for place, reference in dangling_references(document):
        raise DocumentError(f"{place}: refers to {reference}, which is not there")
    for mistake in OpenAPIV31SpecValidator(document).iter_errors():
        raise DocumentError(f"{'.'.join(map(str, mistake.absolute_path)) or 'document'}: {mistake.message}")
    return document


def is_row(prop: PropertyProtocol) -> bool:
    """Say whether many of a property's values can be read at once, as models of plain fields; see reading.py."""
    if not isinstance(prop, ModelProperty) or not isinstance(prop.additional_properties, AnyProperty):
        return False
    fields = prop.required_properties or []
    are_plain = all(isinstance(field, StringProperty | IntProperty | DecimalProperty) for field in fields)
    # An itemgetter of one field gives no tuple.
    return are_plain and len(fields) > 1 and not prop.optional_properties


def unsupported(prop: PropertyProtocol) -> NoReturn:
    """Be called by a template that meets a type which no reader reads."""
    raise DocumentError(f"{prop.name.get_untrusted_value()}: no template reads a {type(prop).__name__} of an answer")


def make(spec: Path, config_path: Path, folder: Path) -> list[GeneratorError]:
    """Make the package in a folder that does not exist yet; give what upstream says against it."""
    config_file = ConfigFile.load_from_path(config_path)
    config = Config.from_sources(config_file, MetaType.NONE, spec, "utf-8", overwrite=False, output_path=folder)
    document = read(spec)
    data = GeneratorData.from_dict(without_what_is_not_asked_for(document), config=config)
    if isinstance(data, GeneratorError):
        return [data]
    project = Project(openapi=data, config=config, custom_template_path=TEMPLATES)
    project.env.tests["row"] = is_row
    project.env.globals.update(facts=facts_of(document, config.field_prefix), unsupported=unsupported)
    # The templates are not made for what upstream could not parse, so they are not asked then.
    with redirect_stdout(StringIO()):  # It would name the folder aside.
        return list(project._get_errors() or project.build())  # noqa: SLF001, the same as `build` gives in the end


def differences(old: Path, new: Path) -> Iterator[str]:
    """Name the files that are not the same in both folders."""

    def files(folder: Path) -> set[Path]:
        return {
            path.relative_to(folder) for path in folder.rglob("*") if path.is_file() and "__pycache__" not in path.parts
        }

    for path in sorted(files(old) | files(new)):
        if not (old / path).exists():
            yield f"missing: {old / path}"
        elif not (new / path).exists():
            yield f"not from openapi.yaml: {old / path}"
        elif not filecmp.cmp(old / path, new / path, shallow=False):
            yield f"differs: {old / path}"


def main() -> int:
    """Generate, or with --check say whether generating would change anything."""
    parser = argparse.ArgumentParser(description="Make a client package of an OpenAPI document.")
    parser.add_argument("--spec", type=Path, default=Path("openapi.yaml"), help="the document")
    parser.add_argument("--config", type=Path, default=Path("generator-config.yaml"), help="upstream's settings")
    parser.add_argument("--output", type=Path, default=Path("generated/binance_coinm"), help="the package's folder")
    parser.add_argument("--check", action="store_true", help="change nothing; fail if the folder is out of date")
    arguments = parser.parse_args()
    # The formatter that upstream calls is the one that is installed beside this Python.
    os.environ["PATH"] = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])
    decimal_property.register()
    with tempfile.TemporaryDirectory() as aside:
        made = Path(aside) / arguments.output.name
        try:
            handle_errors(make(arguments.spec, arguments.config, made), fail_on_warning=True)
        except DocumentError as error:
            sys.exit(f"{arguments.spec}: {error}")
        except Exit as told:  # By upstream, which has printed what is wrong.
            return told.exit_code
        if not arguments.check:
            shutil.rmtree(arguments.output, ignore_errors=True)
            shutil.copytree(made, arguments.output)
            return 0
        found = list(differences(arguments.output, made))
        if found:
            sys.exit("\n".join([*found, f"{arguments.output} is not what {arguments.spec} gives: run `make generate`"]))
    return 0


if __name__ == "__main__":
    sys.exit(main())
