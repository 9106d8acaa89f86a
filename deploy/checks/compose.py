"""docker-compose.yml and the files that it mounts."""

import json
import re

from . import code
from .image import BINARY, PRODUCTION, SANDBOX
from .rules import Rules
from .tools import ROOT, compose_schema, jsonschema, yaml

SUMMARY = "docker-compose.yml against the Compose specification"
RULES = Rules()


class Site:
    def __init__(self) -> None:
        self.compose = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
        self.prometheus = yaml.safe_load((ROOT / "deploy/prometheus/prometheus.yml").read_text())
        self.address = json.loads((ROOT / "deploy/compose/address.json").read_text())
        folder = ROOT / "deploy/grafana/provisioning"
        self.datasources = yaml.safe_load((folder / "datasources/despatch.yaml").read_text())
        self.guide = (ROOT / "docs/kubernetes.md").read_text()
        self.collector = yaml.safe_load((ROOT / "deploy/otel-collector.yaml").read_text())

    @property
    def services(self) -> dict:
        return self.compose["services"]

    def built(self) -> dict:
        """Services of despatch's images."""
        return {name: service for name, service in self.services.items() if "build" in service}


def seconds(text: str) -> int:
    return int(text.removesuffix("s"))


@RULES.rule(breaks=lambda site: site.services["nats"].update(port=4222))
def it_is_a_compose_file(site):
    schema = json.loads(compose_schema().read_text())
    for error in jsonschema.validators.validator_for(schema)(schema).iter_errors(site.compose):
        yield f"docker-compose.yml: {error.json_path}: {error.message}"


@RULES.rule(breaks=lambda site: site.services.pop("labels"))
def every_worker_is_a_service(site):
    for worker in code.WORKERS:
        if site.services.get(worker, {}).get("command") != ["run", worker]:
            yield f"{worker}: no service runs it"


@RULES.rule(breaks=lambda site: site.services["sandbox"].update(build={"context": ".", "target": PRODUCTION}))
def workers_are_the_production_image_and_stand_ins_are_not(site):
    images = {}
    for name, service in site.built().items():
        target = service["build"].get("target")
        expected = PRODUCTION if name in code.WORKERS else SANDBOX
        if target != expected:
            yield f"{name}: is built as {target}, not as {expected}"
        if images.setdefault(service["image"], target) != target:
            yield f"{name}: {service['image']} is built as {target} and as {images[service['image']]}"


@RULES.rule(breaks=lambda site: site.services["payments"].pop("read_only"))
def no_container_can_write_or_become_root(site):
    for name, service in site.built().items():
        if not service.get("read_only"):
            yield f"{name}: its root file system can be written to"
        if service.get("cap_drop") != ["ALL"] or "no-new-privileges:true" not in service.get("security_opt", []):
            yield f"{name}: keeps privileges"


@RULES.rule(breaks=lambda site: site.services["orders"].update(stop_grace_period="10s"))
def a_drain_has_its_time(site):
    for worker in code.WORKERS:
        grace = site.services.get(worker, {}).get("stop_grace_period", "10s")
        if seconds(grace) <= code.DRAIN_SECONDS:
            yield f"{worker}: killed after {grace}, while its drain may take {code.DRAIN_SECONDS}s"


@RULES.rule(breaks=lambda site: site.services["gateway"].update(healthcheck={"test": ["CMD", "curl"]}))
def health_checks_use_what_the_image_has(site):
    for name, service in site.built().items():
        test = service.get("healthcheck", {}).get("test")
        if test and test[:3] != ["CMD", BINARY, "probe"]:
            yield f"{name}: the image has no {test[1]}"


@RULES.rule(breaks=lambda site: site.services["labels"]["environment"].update(DESPATCH_SHIPPO_URL="x"))
def variables_are_keys(site):
    for name, service in site.built().items():
        for variable in code.unknown(service.get("environment", {})):
            yield f"{name}: {variable}: no such key, the process would not start"


@RULES.rule(breaks=lambda site: site.services["reviews"]["environment"].update(DESPATCH_LINKS_SECRET="other"))
def secrets_are_the_same_on_both_sides(site):
    of = lambda service, key: site.services[service]["environment"].get(f"DESPATCH_{key}")  # noqa: E731
    if len({of(worker, "LINKS_SECRET") for worker in ("gateway", "notifications", "reviews")}) != 1:
        yield "links.secret: what one signs another would not accept"
    if f"--webhook-token={of('gateway', 'SHIPPO_WEBHOOK_TOKENS')}" not in site.services["sandbox"]["command"]:
        yield "sandbox: the gateway would refuse its scans"
    if f"--stripe-secret={of('gateway', 'STRIPE_WEBHOOK_SECRETS')}" not in site.services["sandbox"]["command"]:
        yield "sandbox: the gateway would refuse its events"
    if site.address["api_key"] != of("gateway", "GATEWAY_API_KEYS"):
        yield "deploy/compose/address.json: the gateway would refuse its key"


@RULES.rule(breaks=lambda site: site.services.pop("otel-collector"))
def names_are_services(site):
    """Whatever is called by name is there; addresses of this machine and of nobody are not names."""
    texts = [json.dumps(service) for service in site.built().values()]
    texts += [json.dumps(part) for part in (site.address, site.datasources, site.collector["exporters"])]
    for text in texts:
        for host in re.findall(r"(?:\w+://(?:[\w-]+:[\w-]+@)?|\"endpoint\": \")([\w.-]+):\d+", text):
            if not host[0].isdigit() and host not in site.services:
                yield f"there is no service {host}"


@RULES.rule(breaks=lambda site: site.services["prometheus"].update(ports=["9090:9090"]))
def ports_are_open_to_this_machine_alone(site):
    for name, service in site.services.items():
        for port in service.get("ports", []):
            if not port.startswith("127.0.0.1:"):
                yield f"{name}: {port} is open to the network"


@RULES.rule(breaks=lambda site: site.prometheus["scrape_configs"][0]["dns_sd_configs"][0]["names"].remove("labels"))
def prometheus_reads_every_worker(site):
    named = site.prometheus["scrape_configs"][0]["dns_sd_configs"][0]
    if sorted(named["names"]) != sorted(code.WORKERS):
        yield f"prometheus.yml: {named['names']} instead of {sorted(code.WORKERS)}"
    port = int(code.DEFAULTS["health"]["listen"].rpartition(":")[2])
    if named["port"] != port:
        yield f"prometheus.yml: port {named['port']} instead of {port}"


def _break_guide(site):
    site.guide = site.guide.replace("payments labels", "payments")


@RULES.rule(breaks=_break_guide)
def the_guide_makes_a_secret_for_every_worker(site):
    named = re.search(r"^for worker in (.*); do$", site.guide, re.MULTILINE)
    if named is None or sorted(named[1].split()) != sorted(code.WORKERS):
        yield f"docs/kubernetes.md: secrets for {named and named[1]} instead of {sorted(code.WORKERS)}"


@RULES.rule(breaks=lambda site: site.services["grafana"]["volumes"].append("./deploy/none:/none:ro"))
def what_is_mounted_is_there(site):
    for name, service in site.services.items():
        for volume in service.get("volumes", []):
            source = volume.split(":")[0]
            there = (ROOT / source).exists() if source.startswith(".") else source in site.compose["volumes"]
            if not there:
                yield f"{name}: {source} is not there"


def problems() -> list[str]:
    return RULES.problems(Site())
