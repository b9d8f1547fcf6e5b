"""Generate a client package with openapi-python-client.

The pinned generator is patched where it cannot be extended (patches/), gets the document in a form that it supports
(normalize.py), and renders custom templates with what it does not parse (extensions.py, expressions.py).
"""

import os
import shutil
from collections.abc import Iterable, Iterator
from contextlib import redirect_stdout
from io import StringIO
from pathlib import Path

import openapi_python_client as upstream
from openapi_python_client.config import Config, ConfigFile, MetaType
from openapi_python_client.parser import GeneratorData
from openapi_python_client.parser.errors import GeneratorError, ParseError
from openapi_python_client.parser.properties.protocol import PropertyProtocol
from openapi_spec_validator import OpenAPIV31SpecValidator
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError
from ruff import find_ruff_bin

from . import patches
from .expressions import UnsupportedPropertyError, decoder_of, encoder_of
from .extensions import SpecExtensions, collect
from .normalize import caller_view
from .output import add_marks
from .runtime import api_errors, client_attributes
from .spec import Spec, SpecError, broken_refs, check_decimal_defaults

_HERE = Path(__file__).parent
TEMPLATES = _HERE / "templates"
# A wheel has the file in this folder, a checkout at its top level.
_CONFIG = "generator-config.yaml"
DEFAULT_CONFIG = _HERE / _CONFIG if (_HERE / _CONFIG).exists() else _HERE.parents[1] / _CONFIG
# Modules that upstream does not generate.
OWN_MODULES = ("error_map.py", "security.py", "servers.py", "spec.py")


class Project(upstream.Project):
    """Upstream's project with additional modules, the mark of generated code, py.typed and the document."""

    def _build_api(self) -> None:
        super()._build_api()
        template = self.env.get_template("tag_operations.py.jinja")
        for tag, collection in self.openapi.endpoint_collections_by_tag.items():
            module = self.package_dir / "api" / tag / "_operations.py"
            module.write_text(template.render(endpoint_collection=collection), encoding="utf-8")

    def _build_metadata(self) -> None:
        for name in OWN_MODULES:
            (self.package_dir / name).write_text(self.env.get_template(f"{name}.jinja").render(), encoding="utf-8")
        (self.package_dir / "py.typed").touch()
        shutil.copyfile(self.config.document_source, self.package_dir / "openapi.yaml")

    def _run_post_hooks(self) -> None:
        add_marks(self.package_dir)
        super()._run_post_hooks()


def generate(spec_path: Path, config_path: Path, folder: Path) -> None:
    """Generate the package in a folder that does not exist; raise `SpecError` if the document is not supported."""
    patches.apply()
    config_file = ConfigFile.load_from_path(config_path)
    config = Config.from_sources(config_file, MetaType.NONE, spec_path, "utf-8", overwrite=False, output_path=folder)
    spec = read(spec_path)
    check_decimal_defaults(spec)
    extensions = collect(spec, config.field_prefix, api_errors(), client_attributes())
    data = GeneratorData.from_dict(caller_view(spec, extensions.operations.values()), config=config)
    if isinstance(data, GeneratorError):
        raise SpecError(_text_of([data]))
    check_properties(data)
    check_module_names(data)
    _render(data, config, extensions)


def _render(data: GeneratorData, config: Config, extensions: SpecExtensions) -> None:
    project = Project(openapi=data, config=config, custom_template_path=TEMPLATES)
    project.env.globals.update(facts=extensions, decoder_of=decoder_of, encoder_of=encoder_of)
    # Upstream's post hooks look for ruff on the PATH; it has to be the one that is installed with the generator.
    os.environ["PATH"] = os.pathsep.join([str(Path(find_ruff_bin()).parent), os.environ.get("PATH", "")])
    # `data` lacks what upstream could not parse, so nothing is rendered if there are errors.
    with redirect_stdout(StringIO()):  # Upstream prints the name of the temporary folder.
        errors = project._get_errors() or project.build()  # noqa: SLF001, `build` returns them only at its end
    if errors:
        raise SpecError(_text_of(errors))


def _text_of(errors: Iterable[GeneratorError]) -> str:
    """Return upstream's errors as text, each with its part of the document."""
    texts: list[str] = []
    for error in errors:
        data = error.data if isinstance(error, ParseError) else None
        part = data.model_dump_json(indent=2, exclude_unset=True, by_alias=True) if data else ""
        texts.append("\n".join(filter(None, [error.header.strip(), error.detail, part])))
    return "\n".join(texts)


def read(path: Path) -> Spec:
    """Read a document; raise `SpecError` with the location if it is not valid."""
    try:
        spec = YAML(typ="safe").load(path)
    except (OSError, YAMLError) as error:
        raise SpecError(str(error)) from error
    if not isinstance(spec, dict):
        raise SpecError(f"expected an OpenAPI document, got {type(spec).__name__}")
    for location, pointer in broken_refs(spec):
        raise SpecError(f"{location}: refers to {pointer}, which does not exist")
    for invalid in OpenAPIV31SpecValidator(spec).iter_errors():
        raise SpecError(f"{'.'.join(map(str, invalid.absolute_path)) or 'document'}: {invalid.message}")
    return spec


def check_properties(data: GeneratorData) -> None:
    """Raise `SpecError` for a property that generated code can neither decode nor encode."""
    for location, prop in _properties(data):
        try:
            decoder_of(prop)
        except UnsupportedPropertyError as error:
            raise SpecError(f"{location}: {error}") from None


def _properties(data: GeneratorData) -> Iterator[tuple[str, PropertyProtocol]]:
    """Yield each property that is decoded or encoded, with its location."""
    for collection in data.endpoint_collections_by_tag.values():
        for endpoint in collection.endpoints:
            location = f"{endpoint.method.upper()} {endpoint.path.get_untrusted_value()}"
            for prop in (*endpoint.query_parameters, *(response.prop for response in endpoint.responses)):
                yield f"{location}, {prop.name.get_untrusted_value()}", prop
    for model in data.models:
        fields = (*(model.required_properties or ()), *(model.optional_properties or ()), model.additional_properties)
        for prop in filter(None, fields):
            yield f"{model.class_info.name}, {prop.name.get_untrusted_value()}", prop


def check_module_names(data: GeneratorData) -> None:
    """Raise `SpecError` for two models or enums whose modules would have the same name."""
    modules: dict[str, str] = {}
    for kind in (*data.models, *data.enums):
        name, module = str(kind.class_info.name), str(kind.class_info.module_name)
        if modules.setdefault(module, name) != name:
            raise SpecError(f"{modules[module]} and {name} would both be models/{module}.py")
