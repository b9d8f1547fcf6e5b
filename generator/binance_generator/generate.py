"""Generate a client package with openapi-python-client.

The pinned generator is patched where it cannot be extended (patches/), gets the document in a form that it supports
(normalize.py), and renders custom templates with what it does not parse (extensions.py, expressions.py).
"""

import json
import os
from collections import Counter
from collections.abc import Iterable
from contextlib import redirect_stdout
from io import StringIO
from pathlib import Path

import openapi_python_client as upstream
from openapi_python_client.config import Config, ConfigFile, MetaType
from openapi_python_client.parser import GeneratorData
from openapi_python_client.parser.errors import GeneratorError
from openapi_python_client.parser.openapi import Endpoint
from openapi_python_client.strings import ClassName
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError
from ruff import find_ruff_bin

from . import patches
from .document import validate
from .expressions import (
    constants_of,
    decimals_of,
    decoder_of,
    decoding_of,
    decoding_of_decimals,
    encoder_of,
    variables_of,
    weight_of,
)
from .extensions import SpecExtensions, collect
from .normalize import caller_view
from .open_enums import open_enums
from .output import DOCUMENT, add_marks
from .paging import paging_of
from .patches.tuple_property import NamedTupleProperty
from .properties import endpoints_of, models_by_name, named_tuples_in
from .reading import read
from .runtime import api_errors, client_attributes
from .spec import Operation, Spec, SpecError
from .tagged_unions import tag_unions

_HERE = Path(__file__).parent
TEMPLATES = _HERE / "templates"
# A wheel has the file in this folder, a checkout at its top level.
_CONFIG = "generator-config.yaml"
DEFAULT_CONFIG = _HERE / _CONFIG if (_HERE / _CONFIG).exists() else _HERE.parents[1] / _CONFIG
# Modules that upstream does not generate.
OWN_MODULES = ("error_map.py", "security.py", "servers.py", "spec.py")


class ConfigError(Exception):
    """The settings of openapi-python-client are invalid; the message begins with their file."""


class Project(upstream.Project):
    """Upstream's project with additional modules, the mark of generated code, py.typed and the document."""

    document: Spec
    named_tuples: list[NamedTupleProperty]

    def _build_models(self) -> None:
        super()._build_models()
        template = self.env.get_template("named_tuple.py.jinja")
        for named_tuple in self.named_tuples:
            module = self.package_dir / "models" / f"{named_tuple.class_info.module_name}.py"
            module.write_text(template.render(tuple=named_tuple), encoding="utf-8")

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
        document = json.dumps(self.document, ensure_ascii=False, indent=1)
        (self.package_dir / DOCUMENT).write_text(f"{document}\n", encoding="utf-8")

    def _run_post_hooks(self) -> None:
        add_marks(self.package_dir)
        super()._run_post_hooks()


def generate(spec_path: Path, config_path: Path, folder: Path) -> None:
    """Generate the package in a folder that does not exist; raise `SpecError` if the document is not supported."""
    config = _read_config(config_path, spec_path, folder)
    spec, places = read(spec_path)
    try:
        data, extensions = parse(spec, config)
        _render(spec, data, config, extensions)
    except RecursionError:
        raise SpecError("", "nested too deeply") from None
    except SpecError as error:
        error.place = places.find(error.location)
        raise


def parse(spec: Spec, config: Config) -> tuple[GeneratorData, SpecExtensions]:
    """Return what the templates need; raise `SpecError` if the document is not supported."""
    patches.apply()
    validate(spec)
    extensions = collect(spec, config.field_prefix, api_errors(), client_attributes())
    data = _parse(spec, extensions.operations.values(), config)
    if isinstance(data, str):
        raise _located(spec, extensions.operations.values(), config, data)
    open_enums(data)
    tag_unions(data)
    check_names(data)
    models = models_by_name(data)
    for endpoint in endpoints_of(data):
        extensions.paging[endpoint.name] = paging_of(spec, extensions.operations[endpoint.name], endpoint, models)
    return data, extensions


def _read_config(path: Path, spec_path: Path, folder: Path) -> Config:
    try:
        settings = YAML(typ="safe").load(path.read_text(encoding="utf-8"))
        unknown = set(settings) - set(ConfigFile.model_fields)
        if unknown:
            raise ConfigError(f"{path}: unknown settings: {', '.join(map(str, unknown))}")
        config_file = ConfigFile(**settings)
    except (OSError, TypeError, ValueError, YAMLError) as error:
        raise ConfigError(f"{path}: not the settings of openapi-python-client: {error}") from error
    return Config.from_sources(config_file, MetaType.NONE, spec_path, "utf-8", overwrite=False, output_path=folder)


def _parse(spec: Spec, operations: Iterable[Operation], config: Config) -> GeneratorData | str:
    """Return what upstream parses of some operations, or its first error."""
    data = GeneratorData.from_dict(caller_view(spec, operations), config=config)
    if isinstance(data, GeneratorError):
        return _text_of(data)
    errors = [error for tag in data.endpoint_collections_by_tag.values() for error in tag.parse_errors]
    return _text_of([*data.errors, *errors][0]) if data.errors or errors else data


def _located(spec: Spec, operations: Iterable[Operation], config: Config, reason: str) -> SpecError:
    """Return upstream's error with the location of the first operation that has it by itself."""
    for operation in operations:
        alone = _parse(spec, [operation], config)
        if isinstance(alone, str):
            return SpecError(operation.location, alone)
    return SpecError("paths", reason)


def _render(spec: Spec, data: GeneratorData, config: Config, extensions: SpecExtensions) -> None:
    def weight(endpoint: Endpoint) -> str:
        names = {prop.name.get_untrusted_value(): str(prop.python_name) for prop in endpoint.query_parameters}
        return weight_of(extensions.operations[endpoint.name], spec, names)

    project = Project(openapi=data, config=config, custom_template_path=TEMPLATES)
    project.document = spec
    project.named_tuples = list(named_tuples_in(data).values())
    project.env.globals.update(
        facts=extensions,
        named_tuples=project.named_tuples,
        constants_of=constants_of,
        decimals_of=decimals_of,
        decoder_of=decoder_of,
        decoding_of=decoding_of,
        decoding_of_decimals=decoding_of_decimals,
        encoder_of=encoder_of,
        variables_of=variables_of,
        weight_of=weight,
    )
    # Upstream's post hooks look for ruff on the PATH; it has to be the one that is installed with the generator.
    os.environ["PATH"] = os.pathsep.join([str(Path(find_ruff_bin()).parent), os.environ.get("PATH", "")])
    with redirect_stdout(StringIO()):  # Upstream prints the name of the temporary folder.
        errors = project.build()
    if errors:
        raise SpecError("", "; ".join(map(_text_of, errors)))


def _text_of(error: GeneratorError) -> str:
    return " ".join(filter(None, [error.header.strip(), error.detail]))


def check_names(data: GeneratorData) -> None:
    """Raise `SpecError` for names of the document that would not be distinct names in Python."""
    modules: dict[str, str] = {}
    named_tuples = named_tuples_in(data)
    for name, named_tuple in named_tuples.items():
        item, count = Counter(item.python_name for item in named_tuple.inner_properties).most_common(1)[0]
        if count > 1:
            raise SpecError("components.schemas", f"{count} items of {name} would be {item}; change their titles")
    for kind in (*data.models, *data.enums, *named_tuples.values()):
        name, module = str(kind.class_info.name), str(kind.class_info.module_name)
        if modules.setdefault(module, name) != name:
            raise SpecError("components.schemas", f"{modules[module]} and {name} would both be models/{module}.py")
    tags: dict[str, str] = {"AsyncOperations": "aio"}
    for tag in data.endpoint_collections_by_tag:
        for prefix in ("", "Async"):
            name = f"{prefix}{ClassName(tag, '')}Operations"
            if name in tags:
                raise SpecError("tags", f"{tags[name]} and {tag} would both have the class {name}; choose another tag")
            tags[name] = tag
