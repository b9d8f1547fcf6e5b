"""An environment for each contender, made of the requirements at the beginning of its module."""

import hashlib
import importlib.metadata
import json
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any, NamedTuple

ROOT = Path(__file__).parent.parent
BENCH = ROOT / ".bench"
SDK = "binance-coinm"


class Environment(NamedTuple):
    """Where a script's packages are installed, and what they take."""

    python: Path
    distributions: dict[str, str]
    installed_bytes: int


def metadata_of(script: Path) -> dict[str, Any]:
    """Read a script's inline metadata."""
    lines = iter(script.read_text(encoding="utf-8").splitlines())
    for line in lines:
        if line == "# /// script":
            break
    toml: list[str] = []
    for line in lines:
        if line == "# ///":
            break
        toml.append(line.removeprefix("#").removeprefix(" "))
    return tomllib.loads("\n".join(toml))


def build_wheel() -> Path:
    """Build the SDK as it is now."""
    wheels = BENCH / "wheel"
    shutil.rmtree(wheels, ignore_errors=True)
    run_pip("wheel", "--no-deps", "--wheel-dir", str(wheels), str(ROOT))
    return next(wheels.glob("*.whl"))


def environment_for(script: Path, wheel: Path) -> Environment:
    """Give the script's environment: the one from before if its requirements and the wheel are the same."""
    metadata = metadata_of(script)
    required = [with_wheel(requirement, wheel) for requirement in metadata["dependencies"]]
    alone = metadata.get("tool", {}).get("bench", {}).get("without-dependencies", [])
    folder = BENCH / "environments" / script.stem
    python = folder / "bin" / "python"
    made_of = folder / "made-of.json"
    of = json.dumps([sys.version, *required, *alone])
    if any(wheel.name in requirement for requirement in required):
        of += hashlib.sha256(wheel.read_bytes()).hexdigest()
    if not made_of.exists() or made_of.read_text(encoding="utf-8") != of:
        shutil.rmtree(folder, ignore_errors=True)
        # Without a pip of its own, an environment holds what the contender needs and nothing else.
        subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder], check=True)
        for requirements, options in ((required, ()), (alone, ("--no-deps",))):
            if requirements:
                run_pip("--python", str(python), "install", *options, *requirements)
        made_of.write_text(of, encoding="utf-8")
    return inspected(python, next(folder.glob("lib/python*/site-packages")))


def with_wheel(requirement: str, wheel: Path) -> str:
    """Give the requirement, with the wheel in place of the SDK's name."""
    return f"{requirement} @ {wheel.as_uri()}" if requirement.partition("[")[0] == SDK else requirement


def inspected(python: Path, site_packages: Path) -> Environment:
    """Look at what is installed, compiled files included."""
    distributions = importlib.metadata.distributions(path=[str(site_packages)])
    return Environment(
        python,
        {distribution.name: distribution.version for distribution in distributions},
        sum(path.stat().st_size for path in site_packages.rglob("*") if path.is_file()),
    )


def run_pip(*arguments: str) -> None:
    """Run pip; raise `RuntimeError` with the last thing that it said if it fails."""
    command = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(done.stderr.strip().rpartition("\n")[2])
