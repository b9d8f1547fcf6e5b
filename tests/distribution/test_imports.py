"""The imports within the packages: no circles, and no long paths."""

import grimp
import pytest

HAND_WRITTEN = ["binance_signing", "binance_client", "binance_generator", "binance_sandbox", "binance_coinm_cli"]
LONGEST = 7


def longest_path(graph: grimp.ImportGraph, module: str, known: dict[str, tuple[str, ...]]) -> tuple[str, ...]:
    """Return the longest path of imports from a module; a circle is a RecursionError."""
    if module not in known:
        imported = graph.find_modules_directly_imported_by(module)
        paths = [longest_path(graph, other, known) for other in sorted(imported)]
        known[module] = (module, *max(paths, key=len, default=()))
    return known[module]


@pytest.mark.parametrize("package", HAND_WRITTEN)
def test_paths_of_imports_are_short(package: str) -> None:
    """No path of imports within a package has more than seven modules."""
    graph = grimp.build_graph(package, exclude_type_checking_imports=True, cache_dir=None)
    known: dict[str, tuple[str, ...]] = {}

    paths = [longest_path(graph, module, known) for module in graph.modules]

    assert len(max(paths, key=len)) <= LONGEST
