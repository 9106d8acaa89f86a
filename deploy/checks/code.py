"""What the code says that deploy/ repeats: workers, handlers, keys of the configuration, the drain."""

import re
import tomllib

from .tools import ROOT


def _defaults() -> dict:
    """The annotated default file, with what workers bring of their own."""
    files = [ROOT / "crates/edge/cli/src/default.toml", *sorted((ROOT / "crates/workers").glob("*/*/default.toml"))]
    defaults = {}
    for file in files:
        defaults |= tomllib.loads(file.read_text())
    return defaults


DEFAULTS = _defaults()

# Variables of the prefix that are no keys of the file.
OTHER_VARIABLES = {"DESPATCH_CONFIG", "DESPATCH_DATA_DIR", "DESPATCH_API_KEY", "DESPATCH_SANDBOX_TOKEN"}


def _workers() -> dict[str, list[str]]:
    """Each worker with its handlers."""
    workers = {"gateway": []}
    for crate in sorted((ROOT / "crates/workers").glob("*/*")):
        sources = [path.read_text() for path in sorted((crate / "src").rglob("*.rs"))]
        handlers = [re.findall(r"const NAME: &'static str = \"(\w+)\.([\w-]+)\";", source) for source in sources]
        workers[crate.name] = sorted(handler for found in handlers for worker, handler in found if worker == crate.name)
    return workers


def _variables(table: dict, prefix: str = "DESPATCH") -> set[str]:
    found = set()
    for key, value in table.items():
        name = f"{prefix}_{key.upper()}"
        found |= _variables(value, name) if isinstance(value, dict) else {name}
    return found


WORKERS = _workers()
KEYS = _variables(DEFAULTS)
DRAIN_SECONDS = DEFAULTS["runtime"]["drain_grace_seconds"]


def unknown(variables) -> list[str]:
    """Which of these would keep the binary from starting."""
    prefixed = {name for name in variables if name.startswith("DESPATCH_")}
    return sorted(prefixed - KEYS - OTHER_VARIABLES)
