"""The Dockerfile, and what the build may see."""

import re
import tomllib

from . import code
from .rules import Rules
from .tools import ROOT

SUMMARY = "Dockerfile and .dockerignore against the sources"
BINARY = "/usr/local/bin/despatch"

# Targets of the Dockerfile.
PRODUCTION = "despatch"
SANDBOX = "sandbox"
RULES = Rules()


class Image:
    def __init__(self) -> None:
        self.dockerfile = (ROOT / "Dockerfile").read_text()
        self.seen = re.findall(r"^!(\S+)$", (ROOT / ".dockerignore").read_text(), re.MULTILINE)
        workspace = tomllib.loads((ROOT / "Cargo.toml").read_text())["workspace"]
        self.rust = workspace["package"]["rust-version"]
        self.members = workspace["members"]

    def argument(self, name: str) -> str:
        return re.search(rf"^ARG {name}=(\S+)$", self.dockerfile, re.MULTILINE)[1]

    def stages(self) -> dict[str, str]:
        """The text of each stage by its name, in order."""
        parts = re.split(r"^FROM \S+ AS (\S+)$", self.dockerfile, flags=re.MULTILINE)[1:]
        return dict(zip(parts[::2], parts[1::2], strict=True))

    def builder_of(self, target: str) -> str:
        """The text of the stage that the target has its binary from."""
        source = re.search(r"^COPY --from=(\S+) /out/ /$", self.stages()[target], re.MULTILINE)
        return self.stages()[source[1]] if source else ""

    def replace(self, old: str, new: str) -> None:
        self.dockerfile = self.dockerfile.replace(old, new)


@RULES.rule(breaks=lambda image: image.seen.remove("data"))
def what_is_compiled_in_is_there(image):
    for source in sorted((ROOT / "crates").rglob("*.rs")):
        for path in re.findall(r"include_(?:str|bytes|dir)!\((?:concat!\()?\"([^\"]+)\"", source.read_text()):
            crate = next(folder for folder in source.parents if (folder / "Cargo.toml").exists())
            whole = path.replace("$CARGO_MANIFEST_DIR", str(crate))
            included = (source.parent / whole).resolve().relative_to(ROOT)
            if not any(included.is_relative_to(seen) for seen in image.seen):
                yield f"{source.relative_to(ROOT)} includes {path}, and .dockerignore keeps {included} out"


@RULES.rule(breaks=lambda image: image.seen.remove("examples"))
def every_member_of_the_workspace_is_there(image):
    """Without one of them cargo reads nothing at all."""
    for member in image.members:
        if member.split("/")[0] not in image.seen:
            yield f".dockerignore keeps {member} out"


@RULES.rule(breaks=lambda image: image.replace(" --no-default-features", ""))
def the_image_that_is_built_by_default_is_for_production(image):
    """It has neither stand-ins nor servers nor the audit; the one for trying despatch has all of them."""
    target = list(image.stages())[-1]
    if target != PRODUCTION or " --no-default-features" not in image.builder_of(target):
        yield f"the last stage, {target}, is not {PRODUCTION} built with --no-default-features"
    if " --no-default-features" in image.builder_of(SANDBOX):
        yield f"{SANDBOX} is built without its commands"


@RULES.rule(breaks=lambda image: image.seen.remove("deploy/image"))
def the_build_sees_what_it_runs(image):
    for script in re.findall(r"&& (deploy/\S+)", image.dockerfile):
        if not (ROOT / script).exists() or not any(script.startswith(f"{seen}/") for seen in image.seen):
            yield f"{script}: is not there, or .dockerignore keeps it out"


@RULES.rule(breaks=lambda image: image.replace("bookworm", "trixie"))
def both_bases_are_the_same_debian(image):
    releases = {"bookworm": "debian12", "trixie": "debian13"}
    build, base = image.argument("RUST"), image.argument("BASE")
    release = next((number for name, number in releases.items() if name in build), None)
    if release is None or release not in base:
        yield f"built on {build}, to be run on {base}: the C library may be too old there"


@RULES.rule(breaks=lambda image: image.replace("rust:1.90", "rust:1.89"))
def the_compiler_is_the_one_that_is_asked_for(image):
    if not image.argument("RUST").startswith(f"rust:{image.rust}-"):
        yield f"{image.argument('RUST')}, where Cargo.toml says {image.rust}"


@RULES.rule(breaks=lambda image: image.replace("USER 65532:65532", "USER nonroot"))
def it_is_not_root_by_number(image):
    user = re.findall(r"^USER (\S+)$", image.dockerfile, re.MULTILINE)
    if not user or not re.fullmatch(r"[1-9]\d*(:[1-9]\d*)?", user[-1]):
        yield f"USER {user}: runAsNonRoot wants a number"


@RULES.rule(breaks=lambda image: image.replace(f'CMD ["{BINARY}", "probe"]', "CMD despatch probe"))
def it_has_a_health_check_that_needs_no_shell(image):
    if f'CMD ["{BINARY}", "probe"]' not in image.dockerfile.split("HEALTHCHECK")[-1]:
        yield f"HEALTHCHECK is not {BINARY} probe"
    if f'ENTRYPOINT ["{BINARY}"]' not in image.dockerfile:
        yield f"ENTRYPOINT is not {BINARY}"


@RULES.rule(breaks=lambda image: image.replace("DESPATCH_GATEWAY_LISTEN", "DESPATCH_GATEWAY_ADDRESS"))
def its_variables_are_keys(image):
    names = re.findall(r"\b(DESPATCH_\w+)=", image.dockerfile)
    yield from (f"{name}: no such key" for name in code.unknown(names))


def problems() -> list[str]:
    return RULES.problems(Image())
