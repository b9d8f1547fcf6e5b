"""Make a client package of an OpenAPI document.

A launcher over the exactly pinned openapi-python-client: it adds decimals, tuples and names of enumerations' members,
and hands the templates in templates/ the facts that upstream does not. The package is made aside and takes the old
one's place only when nothing was wrong.
"""

import argparse
import filecmp
import os
import re
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import redirect_stdout
from io import StringIO
from keyword import iskeyword
from pathlib import Path

import openapi_python_client as upstream
from openapi_python_client import strings
from openapi_python_client.cli import handle_errors
from openapi_python_client.config import Config, ConfigFile, MetaType
from openapi_python_client.parser import GeneratorData
from openapi_python_client.parser.errors import GeneratorError
from openapi_python_client.parser.properties import AnyProperty, EnumProperty, ModelProperty
from openapi_python_client.parser.properties.boolean import BooleanProperty
from openapi_python_client.parser.properties.const import ConstProperty
from openapi_python_client.parser.properties.float import FloatProperty
from openapi_python_client.parser.properties.int import IntProperty
from openapi_python_client.parser.properties.list_property import ListProperty
from openapi_python_client.parser.properties.none import NoneProperty
from openapi_python_client.parser.properties.protocol import PropertyProtocol
from openapi_python_client.parser.properties.string import StringProperty
from openapi_python_client.parser.properties.union import UnionProperty
from openapi_spec_validator import OpenAPIV31SpecValidator
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError
from typer import Exit

sys.path.insert(0, str(Path(__file__).parent))
import decimal_property
import described_reference
import enum_names
import tuple_property
from callers_document import as_called
from decimal_property import DecimalProperty
from document import Document, DocumentError, dangling_references, refuse_defaults_that_are_none
from facts import Facts, facts_of
from tuple_property import TupleProperty

TEMPLATES = Path(__file__).parent / "templates"
# Modules that upstream's clients do not have.
OWN_MODULES = ("engines.py", "facts.py", "reading.py", "refusals.py", "security.py", "servers.py", "writing.py")
# Modules in which nothing is of the document. There is one of each, so that all packages have one tree of errors.
SHARED_MODULES = ("client.py", "engines.py", "errors.py", "reading.py", "refusals.py", "types.py", "writing.py")
# The package that has them, and from which others take them.
SHARED_FROM = "binance_coinm"
# What modules, functions and models need themselves, so that no parameter and no field is called like this.
RESERVED = {
    "Answer",
    "Any",
    "AuthenticatedClient",
    "ClassVar",
    "Client",
    "Decimal",
    "Literal",
    "Mapping",
    "REFUSALS",
    "Response",
    "Security",
    "Self",
    "UNSET",
    "Unset",
    "additional_keys",
    "additional_properties",
    "build_request",
    "columns",
    "from_dict",
    "read_response",
    "reading",
    "to_dict",
    "writing",
}
# What the templates can read and write; what is of these is looked into.
SIMPLE = (
    AnyProperty,
    BooleanProperty,
    ConstProperty,
    DecimalProperty,
    EnumProperty,
    IntProperty,
    NoneProperty,
    StringProperty,
)


class Project(upstream.Project):
    """Upstream's project, and what is beside its modules: our own, the type marker, the document itself."""

    facts: Facts

    def _build_metadata(self) -> None:
        for name in OWN_MODULES:
            (self.package_dir / name).write_text(self.env.get_template(f"{name}.jinja").render())
        (self.package_dir / "py.typed").touch()
        shutil.copyfile(self.config.document_source, self.package_dir / "openapi.yaml")

    def _run_post_hooks(self) -> None:
        if self.package_dir.name != SHARED_FROM:
            for name in SHARED_MODULES:
                shared = self.env.get_template("shared_module.py.jinja").render(
                    package=SHARED_FROM, module=name.removesuffix(".py")
                )
                (self.package_dir / name).write_text(shared)
        super()._run_post_hooks()


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


def unsupported(prop: PropertyProtocol, place: str) -> Iterator[str]:
    """Say what of a property no template can read or write."""
    if isinstance(prop, UnionProperty | TupleProperty):
        for inner in prop.inner_properties:
            yield from unsupported(inner, place)
    elif isinstance(prop, ListProperty):
        yield from unsupported(prop.inner_property, place)
    elif isinstance(prop, FloatProperty):
        yield f"{place}: a number needs `format: decimal`, for a float does not hold its digits"
    elif not isinstance(prop, (*SIMPLE, ModelProperty)):
        yield f"{place}: no template reads or writes a {type(prop).__name__}"


def properties_of(data: GeneratorData) -> Iterator[tuple[str, PropertyProtocol]]:
    """Give all that is read and written, behind the place where it stands."""
    for collection in data.endpoint_collections_by_tag.values():
        for endpoint in collection.endpoints:
            place = f"{endpoint.method.upper()} {endpoint.path.get_untrusted_value()}"
            for prop in (*endpoint.query_parameters, *(response.prop for response in endpoint.responses)):
                yield f"{place}, {prop.name.get_untrusted_value()}", prop
    for model in data.models:
        fields = (*(model.required_properties or ()), *(model.optional_properties or ()), model.additional_properties)
        for prop in filter(None, fields):
            yield f"{model.class_info.name}, {prop.name.get_untrusted_value()}", prop


def make(spec: Path, config_path: Path, folder: Path) -> list[GeneratorError]:
    """Make the package in a folder that does not exist yet; give what upstream says against it."""
    config_file = ConfigFile.load_from_path(config_path)
    config = Config.from_sources(config_file, MetaType.NONE, spec, "utf-8", overwrite=False, output_path=folder)
    document = read(spec)
    refuse_defaults_that_are_none(document)
    exceptions = re.findall(r"^class (\w+)\(ApiError\)", (TEMPLATES / "errors.py.jinja").read_text(), re.MULTILINE)
    facts = facts_of(document, config.field_prefix, exceptions)
    data = GeneratorData.from_dict(as_called(document, facts.operations.values()), config=config)
    if isinstance(data, GeneratorError):
        return [data]
    for place, prop in properties_of(data):
        for wrong in unsupported(prop, place):
            raise DocumentError(wrong)
    modules: dict[str, str] = {}
    for kind in (*data.models, *data.enums):
        name, module = str(kind.class_info.name), str(kind.class_info.module_name)
        if modules.setdefault(module, name) != name:
            raise DocumentError(f"{modules[module]} and {name} would both be models/{module}.py")
    project = Project(openapi=data, config=config, custom_template_path=TEMPLATES)
    project.env.tests["row"] = is_row
    project.env.globals.update(facts=facts)
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
    parser.add_argument("--output", type=Path, default=Path("generated"), help="the folder that the package is made in")
    parser.add_argument("--package", default=SHARED_FROM, help="the package's name")
    parser.add_argument("--check", action="store_true", help="change nothing; fail if the folder is out of date")
    arguments = parser.parse_args()
    if not arguments.package.isidentifier() or iskeyword(arguments.package):
        sys.exit(f"{arguments.package!r} cannot be the name of a package; expected letters, digits and underscores")
    # A folder of the package's own name is taken for the package's own.
    folder = arguments.output if arguments.output.name == arguments.package else arguments.output / arguments.package
    # The formatter that upstream calls is the one that is installed beside this Python.
    os.environ["PATH"] = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])
    strings.RESERVED_WORDS.update(RESERVED)
    decimal_property.register()
    described_reference.register()
    enum_names.register()
    tuple_property.register()
    with tempfile.TemporaryDirectory() as aside:
        made = Path(aside) / arguments.package
        try:
            handle_errors(make(arguments.spec, arguments.config, made), fail_on_warning=True)
        except DocumentError as error:
            sys.exit(f"{arguments.spec}: {error}")
        except Exit as told:  # By upstream, which has printed what is wrong.
            return told.exit_code
        if not arguments.check:
            shutil.rmtree(folder, ignore_errors=True)
            shutil.copytree(made, folder)
            sys.stdout.write(f"{folder}: made of {arguments.spec}\n")
            return 0
        found = list(differences(folder, made))
        if found:
            sys.exit("\n".join([*found, f"{folder} is not what {arguments.spec} gives: run `make generate`"]))
    return 0


if __name__ == "__main__":
    sys.exit(main())
