"""Create the SBOM (CycloneDX) of a wheel with all its extras: `python .ci/sbom.py WHEEL EMPTY_ENVIRONMENT`."""

import hashlib
import json
import subprocess
import sys
import tomllib
from pathlib import Path

wheel, environment = Path(sys.argv[1]), Path(sys.argv[2])
extras = sorted(tomllib.loads(Path("pyproject.toml").read_text(encoding="utf-8"))["project"]["optional-dependencies"])
pip = [sys.executable, "-m", "pip", "--python", str(environment / "bin" / "python")]
subprocess.run([*pip, "install", "--quiet", f"{wheel}[{','.join(extras)}]"], check=True)

tool = [sys.executable, "-m", "cyclonedx_py", "environment", "--output-reproducible"]
about = ["--pyproject", "pyproject.toml", "--mc-type", "library"]
listed = subprocess.run([*tool, *about, str(environment)], check=True, stdout=subprocess.PIPE).stdout
document = json.loads(listed)

# The tool does not find these in pyproject.toml: the version, which hatchling sets, the wheel's hash, and the extras.
name, version, *_ = wheel.name.split("-")
component = document["metadata"]["component"]
component["version"] = version
component["purl"] = f"pkg:pypi/{component['name']}@{version}"
component["hashes"] = [{"alg": "SHA-256", "content": hashlib.sha256(wheel.read_bytes()).hexdigest()}]
component["properties"] = [{"name": "cdx:python:package:required-extra", "value": extra} for extra in extras]
text = json.dumps(document, indent=2, sort_keys=True, ensure_ascii=False)
wheel.with_name(f"{name}-{version}.cdx.json").write_text(text + "\n", encoding="utf-8")
