"""Reading of a document: YAML without its surprises, in one file or in several, which become one document."""

from collections.abc import Iterator
from io import StringIO
from os.path import normpath
from pathlib import Path
from typing import Any

from attrs import field, frozen
from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.nodes import MappingNode, ScalarNode, SequenceNode
from ruamel.yaml.nodes import Node as YamlNode
from ruamel.yaml.tag import Tag

from .spec import Node, Place, Spec, SpecError, child_location, iter_nodes, lookup, pointer_keys

_TAG = "tag:yaml.org,2002:"


@frozen
class Places:
    """The places of a document's nodes, by location."""

    file: Path
    by_location: dict[str, Place] = field(factory=dict)

    def find(self, location: str) -> Place:
        """Return the place of a node, or of the closest node around it that is in the document."""
        while location not in self.by_location and location:
            location = location.rpartition(".")[0]
        return self.by_location.get(location, Place(self.file))

    def below(self, location: str) -> Iterator[tuple[str, Place]]:
        """Yield the places of a node and of all nodes in it, each with the rest of its location."""
        for name, place in self.by_location.items():
            if f"{name}.".startswith(f"{location}."):
                yield name.removeprefix(location), place


@frozen
class _File:
    content: Any
    places: Places

    def references(self) -> list[tuple[str, Node, Path, str]]:
        """Return the references to other files: location and node of each, the file, and the pointer within that."""
        found: list[tuple[str, Node, Path, str]] = []
        for location, node in iter_nodes(self.content, skip_literals=True):
            reference = node.get("$ref")
            if isinstance(reference, str) and not reference.startswith("#"):
                name, _, pointer = reference.partition("#")
                found.append((location, node, Path(normpath(self.places.file.parent / name)), f"#{pointer}"))
        return found

    def part(self, *keys: str) -> Node:
        """Return an object of the file, which is added if there is none; raise `SpecError` if it is something else."""
        node = self._object(self.content, "")
        for depth, key in enumerate(keys, 1):
            node = self._object(node.setdefault(key, {}), ".".join(keys[:depth]))
        return node

    def _object(self, value: Any, location: str) -> Node:
        if not isinstance(value, dict):
            raise self.error(location, "expected an object")
        return value

    def error(self, location: str, reason: str) -> SpecError:
        """Return an error at a node of the file."""
        return SpecError(location, reason, place=self.places.find(location))


def read(path: Path) -> tuple[Spec, Places]:
    """Return the document and the places of its nodes.

    The components of files that it refers to become its own, and a path that refers to a path item of another file gets
    that one. Raises `SpecError`, with its place, for a file that is not YAML, a reference to nothing, and a component
    that two files have.
    """
    files = _read_files(Path(normpath(path)))
    document = files.pop(Path(normpath(path)))
    for file in (document, *files.values()):
        for location, node, target, pointer in file.references():
            other = files.get(target, document)
            found = _look_up(other, pointer, file, location)
            top, _, url = location.partition(".")
            if file is document and top == "paths" and document.part("paths").get(url) is node:
                document.part("paths")[url] = found
                moved = list(other.places.below(".".join(pointer_keys(pointer))))
                document.places.by_location.update((location + rest, place) for rest, place in moved)
            else:
                node["$ref"] = pointer
    for file in files.values():
        _merge(document, file)
    return document.content, document.places


def _read_files(path: Path) -> dict[Path, _File]:
    """Return a file and all others that it refers to, directly or not."""
    files: dict[Path, _File] = {}
    pending = [path]
    for name in pending:
        try:
            files[name] = file = _read_yaml(name)
        except SpecError as error:
            error.place = error.place or Place(name)
            raise
        for location, node, target, _ in file.references():
            if not target.is_file():
                raise file.error(location, f"refers to {node['$ref']}, but there is no file {target}")
            pending += [target] * (target not in pending)
    return files


def _look_up(target: _File, pointer: str, file: _File, location: str) -> Node:
    try:
        return lookup(target.content, pointer)
    except (IndexError, KeyError, TypeError, ValueError):
        raise file.error(location, f"refers to {pointer} in {target.places.file}, which does not exist") from None


def _merge(document: _File, file: _File) -> None:
    """Add the components of a file to the document, but for path items, which are under their paths by now."""
    for kind in file.part("components"):
        if kind == "pathItems":
            continue
        components = document.part("components", kind)
        for name, component in file.part("components", kind).items():
            location = f"components.{kind}.{name}"
            if name in components:
                other = document.places.find(location)
                raise file.error(location, f"stands in {other} too; give one of them another name")
            components[name] = component
    for location, place in file.places.by_location.items():
        document.places.by_location.setdefault(location, place)


def _read_yaml(path: Path) -> _File:
    """Read a file; raise `SpecError` if it is not YAML, with its place if that is more than the file."""
    yaml = YAML(typ="safe", pure=True)
    try:
        root = yaml.compose(StringIO(path.read_text(encoding="utf-8-sig")))
        if root is None:
            raise SpecError("", "expected an OpenAPI document, got an empty file")
        places = Places(path, dict(_places(path, root, "", ())))
        return _File(yaml.constructor.construct_document(root), places)
    except OSError as error:
        raise SpecError("", error.strerror or str(error)) from error
    except UnicodeDecodeError as error:
        raise SpecError("", f"expected text in UTF-8, got the byte {error.object[error.start]:#04x}") from error
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        reason = ", ".join(filter(None, [error.context, error.problem]))
        place = Place(path, mark.line + 1) if mark else None
        raise SpecError("", f"not valid YAML: {reason}", place=place) from error
    except YAMLError as error:
        raise SpecError("", f"not valid YAML: {' '.join(str(error).split())}") from error
    except RecursionError:
        raise SpecError("", "nested too deeply") from None
    except (LookupError, ValueError) as error:
        # Of a value with a tag, such as !!int, or a number of thousands of digits.
        raise SpecError("", f"not valid YAML: {error}") from error


def _places(path: Path, node: YamlNode, location: str, parents: tuple[YamlNode, ...]) -> Iterator[tuple[str, Place]]:
    """Yield location and place of each node; make keys text, as in JSON, and dates too, which JSON does not have."""
    here = Place(path, node.start_mark.line + 1)
    if node in parents:
        raise SpecError(location, "an alias of a node that contains it", place=here)
    yield location, here
    parents = (*parents, node)
    if isinstance(node, MappingNode):
        for key, value in node.value:
            of_key = Place(path, key.start_mark.line + 1)
            if not isinstance(key, ScalarNode):
                raise SpecError(location, "expected text as the key", place=of_key)
            if key.tag != f"{_TAG}merge":
                key.ctag = Tag(suffix=f"{_TAG}str")
            child = child_location(location, key.value)
            for inner, place in _places(path, value, child, parents):
                yield inner, of_key if inner == child else place
    elif isinstance(node, SequenceNode):
        for index, value in enumerate(node.value):
            yield from _places(path, value, child_location(location, index), parents)
    elif node.tag == f"{_TAG}timestamp":
        node.ctag = Tag(suffix=f"{_TAG}str")
