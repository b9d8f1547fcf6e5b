"""Break each line of the plugin, one at a time, and count the breaks that the tests find.

mutmut wants the package in `src`, so it is given a copy of the tree in which it is there.
"""

import json
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent
FOLDER = ROOT / ".mutation"
REQUIRED = 0.9
# Those that call the plugin and take no more than seconds, the quick ones first.
TESTS = (
    "signing",
    "tries",
    "clock",
    "rate_limit",
    "recovery",
    "body",
    "options",
    "drivers",
    "signer",
    "connect",
    "private_keys",
    "balance",
    "errors",
    "mocks",
    "many_clients",
    "tls",
    "wire",
    "connections",
    "interruptions",
    "concurrency",
)
SETTINGS = """
[tool.mutmut]
source_paths = ["src"]
also_copy = ["tests", "docs", "README.md", "openapi.yaml"]
pytest_add_cli_args_test_selection = {tests}
pytest_add_cli_args = ["-p", "no:cacheprovider", "-k", "not 1000"]
"""


def main() -> int:
    """Run, print the score and the survivors, and fail below the required score."""
    shutil.rmtree(FOLDER, ignore_errors=True)
    shutil.copytree(ROOT / "signing_plugin" / "binance_signing", FOLDER / "src" / "binance_signing")
    for name in ("tests", "docs"):
        shutil.copytree(ROOT / name, FOLDER / name)
    for name in ("README.md", "openapi.yaml"):
        shutil.copy(ROOT / name, FOLDER / name)
    # mutmut wraps each function, and its wrappers keep the arguments that ours forget.
    keys = FOLDER / "tests" / "test_private_keys.py"
    keys.write_text(keys.read_text().replace("capture_locals=True", "capture_locals=False"))
    tests = [f"tests/test_{name}.py" for name in TESTS]
    settings = (ROOT / "pyproject.toml").read_text() + SETTINGS.format(tests=json.dumps(tests))
    (FOLDER / "pyproject.toml").write_text(settings)
    mutmut = [str(Path(sys.executable).parent / "mutmut")]
    subprocess.run([*mutmut, "run"], cwd=FOLDER, check=False)
    subprocess.run([*mutmut, "export-cicd-stats"], cwd=FOLDER, check=True)
    subprocess.run([*mutmut, "results"], cwd=FOLDER, check=True)
    counts = json.loads((FOLDER / "mutants" / "mutmut-cicd-stats.json").read_text())
    tried = counts["total"] - counts["skipped"]
    found = counts["killed"] + counts["timeout"]
    print(f"{found} of {tried} breaks found: {found / tried:.1%}, required {REQUIRED:.0%}")
    return 0 if found / tried >= REQUIRED else 1


if __name__ == "__main__":
    sys.exit(main())
