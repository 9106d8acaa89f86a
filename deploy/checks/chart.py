"""The Helm chart: linted, rendered for several clusters, and each rendering held against schemas and rules."""

import json

from . import code, monitoring
from .rendering import CHART, Expected, Rendering, variables
from .rules import Rules
from .tools import ROOT, helm, jsonschema, kubernetes_validate, yaml

# The oldest that Chart.yaml takes, and one of today.
VERSIONS = ("1.30", "1.35")
# The schemas of objects that Kubernetes itself does not know, by their kind.
CUSTOM = {
    kind: jsonschema.Draft202012Validator(json.loads((ROOT / f"deploy/schemas/{file}.json").read_text()))
    for kind, file in (
        ("ScaledObject", "keda-scaledobject"),
        ("ServiceMonitor", "prometheus-servicemonitor"),
        ("PrometheusRule", "prometheus-prometheusrule"),
    )
}
SUMMARY = f"the chart, rendered and held against Kubernetes {' and '.join(VERSIONS)}, KEDA 2.16 and the Prometheus Operator 0.80"
RULES = Rules()

# The renderings: the arguments beside the chart, and what each must contain.
RENDERINGS = {
    "default": ([], Expected("hpa", migrates=True, monitored=False)),
    "default, with KEDA there": (
        ["--api-versions=keda.sh/v1alpha1", f"--values={CHART}/ci/keda-values.yaml"],
        Expected("keda", migrates=True, monitored=False),
    ),
    "minimal": ([f"--values={CHART}/ci/minimal-values.yaml"], Expected("none", migrates=False, monitored=False)),
    "full": ([f"--values={CHART}/ci/full-values.yaml"], Expected("keda", migrates=True, monitored=True)),
}

# Values that helm must refuse, and a word of its message.
REFUSED = {
    "a misspelt value": (["--set=wrokers.labels.maxReplicas=2"], "wrokers"),
    "a misspelt worker": (["--set=workers.lables.maxReplicas=2"], "lables"),
    "no process at all": (["--set=worker.minReplicas=0"], "minReplicas"),
    "more at least than at most": (["--set=workers.labels.minReplicas=9"], "minReplicas 9 is more than maxReplicas"),
    "KEDA without an endpoint": (["--set=autoscaling.mode=keda"], "monitoringEndpoint"),
    "an endpoint with a scheme": (["--set=autoscaling.keda.monitoringEndpoint=http://nats:8222"], "monitoringEndpoint"),
    "a spread that is none": (["--set=worker.spread=racks"], "spread"),
    "an unknown secret": (["--set=secrets.shippoKey.name=x"], "shippoKey"),
    "workers that provision": (["--set=provision=true"], "provision"),
    "two bundles": (["--set=caBundle.secret=x,caBundle.configMap=y"], "not both"),
    "a misspelt monitor": (["--set=metrics.podMonitor.enabled=true"], "podMonitor"),
    "an interval that is none": (["--set=metrics.serviceMonitor.interval=often"], "interval"),
    "a Kubernetes that is too old": (["--kube-version=1.29.0"], "1.30"),
}


@RULES.rule(breaks=lambda chart: chart.worker("labels").update(terminationGracePeriod=1))
def kubernetes_takes_it(chart):
    for each in chart.objects:
        if each["kind"] in CUSTOM:
            continue
        for version in VERSIONS:
            try:
                kubernetes_validate.validate(each, version, strict=True)
            except (kubernetes_validate.ValidationError, kubernetes_validate.SchemaNotFoundError) as error:
                yield f"{each['kind']} {each['metadata']['name']}, Kubernetes {version}: {error.message}"


def _break_custom(chart):
    """A key of another kind in the first; where there is none, one without a spec."""
    for each in chart.objects:
        if each["kind"] in CUSTOM:
            each["spec"]["minReplicas"] = 1
            return
    chart.objects.append({"apiVersion": "keda.sh/v1alpha1", "kind": "ScaledObject", "metadata": {"name": "x"}})


@RULES.rule(breaks=_break_custom)
def operators_take_it(chart):
    for each in chart.objects:
        if each["kind"] in CUSTOM:
            for error in CUSTOM[each["kind"]].iter_errors(each):
                yield f"{each['kind']} {each['metadata']['name']}: {error.json_path}: {error.message}"


@RULES.rule(breaks=lambda chart: chart.remove("PodDisruptionBudget", "labels"))
def every_worker_has_all_of_its_objects(chart):
    kinds = ["Deployment", "PodDisruptionBudget", "ServiceAccount"]
    # All of them or none: without a policy a worker can talk to everything, and that must be a choice.
    if chart.of_kind("NetworkPolicy"):
        kinds.append("NetworkPolicy")
    for kind in kinds:
        there = chart.of_kind(kind)
        yield from (f"{worker}: no {kind}" for worker in code.WORKERS if worker not in there)
        yield from (f"{kind} {worker}: no such worker" for worker in there if worker not in code.WORKERS)


@RULES.rule(breaks=lambda chart: chart.worker("payments")["containers"][0].update(args=["run", "labels"]))
def a_deployment_runs_its_worker_as_itself(chart):
    for worker, deployment in chart.of_kind("Deployment").items():
        pod = deployment["spec"]["template"]["spec"]
        if pod["containers"][0]["args"] != ["run", worker]:
            yield f"{worker}: runs {pod['containers'][0]['args']}"
        if pod["serviceAccountName"] != deployment["metadata"]["name"]:
            yield f"{worker}: as {pod['serviceAccountName']}"


@RULES.rule(breaks=lambda chart: chart.worker("orders").update(terminationGracePeriodSeconds=20))
def a_drain_has_its_time(chart):
    for worker, deployment in chart.of_kind("Deployment").items():
        pod = deployment["spec"]["template"]["spec"]
        container = pod["containers"][0]
        drain = int(variables(container)["DESPATCH_RUNTIME_DRAIN_GRACE_SECONDS"]["value"])
        pause = container.get("lifecycle", {}).get("preStop", {}).get("sleep", {}).get("seconds", 0)
        if pod["terminationGracePeriodSeconds"] <= drain + pause:
            yield f"{worker}: killed after {pod['terminationGracePeriodSeconds']}s, of which {drain + pause}s are the drain"


@RULES.rule(breaks=lambda chart: chart.worker("reviews")["containers"][0]["securityContext"].pop("readOnlyRootFilesystem"))
def containers_may_write_and_become_nothing(chart):
    for name, container in chart.containers():
        security = container["securityContext"]
        if not security.get("readOnlyRootFilesystem"):
            yield f"{name}: its root file system can be written to"
        if security.get("allowPrivilegeEscalation") is not False or security.get("capabilities") != {"drop": ["ALL"]}:
            yield f"{name}: keeps privileges"


@RULES.rule(breaks=lambda chart: chart.worker("reviews")["securityContext"].pop("runAsNonRoot"))
def pods_are_not_root(chart):
    for name, pod in chart.pods().items():
        security = pod["securityContext"]
        if not security.get("runAsNonRoot") or not security.get("runAsUser"):
            yield f"{name}: may be root"
        if security.get("seccompProfile") != {"type": "RuntimeDefault"}:
            yield f"{name}: no seccomp profile"


@RULES.rule(breaks=lambda chart: chart.worker("inventory").update(enableServiceLinks=True))
def kubernetes_adds_nothing_to_pods(chart):
    for name, pod in chart.pods().items():
        if pod.get("enableServiceLinks") is not False:
            yield f"{name}: a Service's variables would keep it from starting"
        if pod.get("automountServiceAccountToken") is not False:
            yield f"{name}: has a token that it does not use"


@RULES.rule(breaks=lambda chart: chart.worker("labels")["containers"][0]["env"].append({"name": "DESPATCH_LABELS_RULE"}))
def variables_are_keys(chart):
    for name, container in chart.containers():
        for variable in code.unknown(variables(container)):
            yield f"{name}: {variable}: no such key, the process would not start"
        if len(variables(container)) != len(container.get("env", [])):
            yield f"{name}: a variable is set twice"


@RULES.rule(breaks=lambda chart: chart.worker("orders")["containers"][0]["env"].append({"name": "DESPATCH_STRIPE_SECRET_KEY", "value": "sk"}))
def secrets_come_by_reference_to_whom_they_concern(chart):
    needs = {
        "DESPATCH_STRIPE_SECRET_KEY": {"payments"},
        "DESPATCH_SHIPPO_TOKEN": {"labels"},
        "DESPATCH_SHIPPO_WEBHOOK_TOKENS": {"gateway"},
        "DESPATCH_STRIPE_WEBHOOK_SECRETS": {"gateway"},
        "DESPATCH_GATEWAY_API_KEYS": {"gateway"},
        "DESPATCH_SMTP_URL": {"notifications"},
        "DESPATCH_ALERTS_WEBHOOK": {"notifications"},
        "DESPATCH_LINKS_SECRET": {"gateway", "notifications", "reviews"},
        "DESPATCH_LINKS_FORMER_SECRETS": {"gateway"},
    }
    everybody = {"DESPATCH_NATS_URL", "DESPATCH_DATABASE_URL"}
    for name, container in chart.containers():
        there = variables(container)
        for secret in (everybody | set(needs)) & set(there):
            if "secretKeyRef" not in there[secret].get("valueFrom", {}):
                yield f"{name}: {secret} is not by reference"
            if container["name"] not in needs.get(secret, {container["name"]}):
                yield f"{name}: has {secret}, which is not its business"
        required = {secret for secret, workers in needs.items() if container["name"] in workers} | everybody
        required -= {"DESPATCH_ALERTS_WEBHOOK", "DESPATCH_LINKS_FORMER_SECRETS", "DESPATCH_STRIPE_WEBHOOK_SECRETS"}
        yield from (f"{name}: {secret} is missing" for secret in sorted(required - set(there)))


def _set(chart, component: str, name: str, value: str) -> None:
    environment = chart.worker(component)["containers"][0]["env"]
    environment[:] = [each for each in environment if each["name"] != name] + [{"name": name, "value": value}]


@RULES.rule(breaks=lambda chart: _set(chart, "orders", "DESPATCH_RUNTIME_MIGRATE", "true"))
def workers_make_neither_schemas_nor_streams(chart):
    for worker, deployment in chart.of_kind("Deployment").items():
        there = variables(deployment["spec"]["template"]["spec"]["containers"][0])
        for key in ("DESPATCH_RUNTIME_MIGRATE", "DESPATCH_RUNTIME_PROVISION"):
            if there.get(key, {}).get("value") != "false":
                yield f"{worker}: {key} is not false, and a worker may do neither"


def _break_identity(chart):
    there = variables(chart.worker("payments")["containers"][0])
    there["DESPATCH_DATABASE_URL"]["valueFrom"] = variables(chart.worker("labels")["containers"][0])["DESPATCH_DATABASE_URL"]["valueFrom"]


@RULES.rule(breaks=_break_identity)
def nobody_is_somebody_else(chart):
    """A role of the database and a key to NATS belong to one worker, or to the Job."""
    owners = {}
    for name, pod in chart.pods().items():
        held = [container["env"] for container in pod.get("initContainers", []) + pod["containers"]]
        urls = [variable["valueFrom"]["secretKeyRef"] for each in held for variable in each if variable["name"] == "DESPATCH_DATABASE_URL"]
        seeds = [volume["secret"] for volume in pod["volumes"] if volume["name"] == "identity"]
        found = {("role", url["name"], url["key"]) for url in urls}
        found |= {("key", seed["secretName"], seed["items"][0]["key"]) for seed in seeds}
        for each in found:
            owners.setdefault(each, []).append(name)
    for (what, secret, key), names in owners.items():
        if len(names) > 1:
            yield f"{' and '.join(names)} have the same {what}: {secret}, {key}"


def _break_files(chart):
    container = chart.worker("labels")["containers"][0]
    container["volumeMounts"] = [{**mount, "readOnly": False} for mount in container["volumeMounts"]]


@RULES.rule(breaks=lambda chart: _set(chart, "labels", "DESPATCH_NATS_NKEY_FILE", "/etc/despatch/identity/other.seed"))
@RULES.rule(breaks=_break_files)
def files_that_are_named_are_mounted_to_be_read(chart):
    for name, pod in chart.pods().items():
        volumes = {volume["name"]: volume for volume in pod["volumes"]}
        for container in pod.get("initContainers", []) + pod["containers"]:
            files = set()
            for mount in container["volumeMounts"]:
                if not mount.get("readOnly"):
                    yield f"{name}/{container['name']}: {mount['mountPath']} can be written to"
                volume = volumes[mount["name"]]
                source = volume.get("secret") or volume["configMap"]
                files |= {f"{mount['mountPath']}/{item['path']}" for item in source.get("items", [{"path": "despatch.toml"}])}
            there = variables(container)
            named = {there[key]["value"] for key in ("DESPATCH_CONFIG", "DESPATCH_NATS_NKEY_FILE", "SSL_CERT_FILE") if key in there}
            if named != files:
                yield f"{name}/{container['name']}: names {sorted(named)}, has {sorted(files)}"


@RULES.rule(breaks=lambda chart: _set(chart, "labels", "SSL_CERT_FILE", "/etc/other.crt"))
def all_trust_the_same(chart):
    bundles = {variables(container).get("SSL_CERT_FILE", {}).get("value") for _, container in chart.containers()}
    if len(bundles) != 1:
        yield f"trusted: {bundles}"


@RULES.rule(breaks=lambda chart: chart.worker("payments")["containers"][0]["readinessProbe"]["httpGet"].update(path="/healthz"))
def probes_ask_what_they_are_for(chart):
    for worker, deployment in chart.of_kind("Deployment").items():
        container = deployment["spec"]["template"]["spec"]["containers"][0]
        asked = {kind: container[f"{kind}Probe"]["httpGet"] for kind in ("startup", "liveness", "readiness")}
        ready = {"path": "/readyz", "port": "health"}
        if worker == "gateway":
            ready = {"path": "/readyz?exclude=nats", "port": "http"}
        alive = {"path": "/healthz", "port": "health"}
        if asked != {"startup": alive, "liveness": alive, "readiness": ready}:
            yield f"{worker}: {asked}"


@RULES.rule(breaks=lambda chart: chart.worker("payments")["containers"][0]["resources"]["requests"].pop("cpu"))
def containers_ask_for_what_they_need(chart):
    for name, container in chart.containers():
        resources = container["resources"]
        if not {"cpu", "memory"} <= set(resources["requests"]) or "memory" not in resources["limits"]:
            yield f"{name}: {resources}; a share of the CPU is a share of what was asked for"


def _break_selector(chart):
    chart.of_kind("PodDisruptionBudget")["labels"]["spec"]["selector"]["matchLabels"].pop("app.kubernetes.io/component")


@RULES.rule(breaks=_break_selector)
def selectors_select_one_worker(chart):
    wanted = ("app.kubernetes.io/name", "app.kubernetes.io/instance", "app.kubernetes.io/component")
    for kind, path in [("Deployment", "selector"), ("PodDisruptionBudget", "selector"), ("NetworkPolicy", "podSelector")]:
        for component, each in chart.of_kind(kind).items():
            labels = each["metadata"]["labels"]
            if each["spec"][path]["matchLabels"] != {label: labels[label] for label in wanted}:
                yield f"{kind} {component}: {each['spec'][path]}"


@RULES.rule(breaks=lambda chart: chart.worker("labels")["topologySpreadConstraints"][1]["labelSelector"]["matchLabels"].pop("app.kubernetes.io/component"))
@RULES.rule(breaks=lambda chart: chart.worker("labels")["topologySpreadConstraints"].pop())
def processes_spread_over_nodes_and_zones(chart):
    for worker, deployment in chart.of_kind("Deployment").items():
        constraints = deployment["spec"]["template"]["spec"].get("topologySpreadConstraints")
        if constraints is None:
            continue
        keys = [constraint["topologyKey"] for constraint in constraints]
        if keys != ["kubernetes.io/hostname", "topology.kubernetes.io/zone"]:
            yield f"{worker}: spread over {keys}"
        if any(constraint["labelSelector"] != deployment["spec"]["selector"] for constraint in constraints):
            yield f"{worker}: spread by the pods of others"


def _break_scaling(chart):
    if chart.scaling == "none":
        chart.of_kind("Deployment")["labels"]["spec"].pop("replicas")
    elif chart.scaling == "hpa":
        chart.of_kind("HorizontalPodAutoscaler")["labels"]["spec"]["minReplicas"] = 0
    else:
        chart.of_kind("ScaledObject")["labels"]["spec"].pop("minReplicaCount")


@RULES.rule(breaks=_break_scaling)
def every_worker_is_scaled_and_never_to_nothing(chart):
    least = {}
    for worker, deployment in chart.of_kind("Deployment").items():
        if "replicas" in deployment["spec"]:
            least.setdefault(worker, []).append(deployment["spec"]["replicas"])
    for worker, scaler in chart.of_kind("HorizontalPodAutoscaler").items():
        least.setdefault(worker, []).append(scaler["spec"]["minReplicas"])
    for worker, scaler in chart.of_kind("ScaledObject").items():
        least.setdefault(worker, []).append(scaler["spec"].get("minReplicaCount", 0))
    for worker in code.WORKERS:
        counts = least.get(worker, [])
        if len(counts) != 1:
            yield f"{worker}: scaled by {len(counts)}"
        elif counts[0] < 1:
            yield f"{worker}: down to {counts[0]}, and nobody keeps its timers"


def _break_triggers(chart):
    chart.scaling = "keda"
    if scaler := chart.of_kind("ScaledObject").get("inventory"):
        scaler["spec"]["triggers"].pop()


@RULES.rule(breaks=_break_triggers)
def every_handler_is_a_trigger(chart):
    if chart.scaling != "keda":
        return
    scalers = chart.of_kind("ScaledObject")
    for worker, handlers in code.WORKERS.items():
        triggers = scalers[worker]["spec"]["triggers"] if worker in scalers else []
        there = sorted(trigger["metadata"]["consumer"] for trigger in triggers)
        if there != [f"{worker}-{handler}" for handler in handlers]:
            yield f"{worker}: triggers for {there}, handlers {handlers}"


def _break_fallback(chart):
    chart.scaling = "keda"
    for scaler in chart.of_kind("ScaledObject").values():
        scaler["spec"].pop("fallback")
    if not chart.of_kind("ScaledObject"):
        chart.objects.append({"kind": "ScaledObject", "spec": {}, "metadata": {"labels": {"app.kubernetes.io/component": "x"}}})


@RULES.rule(breaks=_break_fallback)
def a_broker_that_cannot_be_asked_changes_little(chart):
    for worker, scaler in chart.of_kind("ScaledObject").items():
        spec = scaler["spec"]
        fallback = spec.get("fallback")
        if fallback is None:
            yield f"{worker}: no fallback"
        elif not spec["minReplicaCount"] <= fallback["replicas"] <= spec["maxReplicaCount"]:
            yield f"{worker}: falls back to {fallback['replicas']}, outside of its bounds"


def _break_job(chart):
    chart.objects = [each for each in chart.objects if each["kind"] != "Job"]
    chart.migrates = True


@RULES.rule(breaks=_break_job)
def somebody_migrates_and_provisions_first(chart):
    jobs = [each for each in chart.objects if each["kind"] == "Job"]
    if len(jobs) != int(chart.migrates):
        yield f"{len(jobs)} Jobs, and no worker does their work"
    for job in jobs:
        if job["metadata"]["annotations"].get("helm.sh/hook") != "pre-install,pre-upgrade":
            yield f"{job['metadata']['name']}: not before workers of its version"
        pod = job["spec"]["template"]["spec"]
        done = [container["args"] for container in pod["initContainers"] + pod["containers"]]
        if done != [["migrate"], ["provision"]]:
            yield f"{job['metadata']['name']}: does {done}"


def _rendered(name: str, arguments: list[str], expected: Expected) -> list[str]:
    done = helm("template", "shop", str(CHART), f"--kube-version={VERSIONS[-1]}.0", *arguments)
    if done.returncode:
        return [f"{name}: {done.stderr.strip()}"]
    objects = [each for each in yaml.safe_load_all(done.stdout) if each]
    rendering = Rendering(objects, expected)
    return [f"chart, {name}: {problem}" for rules in (RULES, monitoring.RULES) for problem in rules.problems(rendering)]


def problems() -> list[str]:
    found = []
    for name, (arguments, expected) in RENDERINGS.items():
        values = [argument for argument in arguments if argument.startswith("--values=")]
        linted = helm("lint", "--strict", "--quiet", str(CHART), *values)
        if linted.returncode:
            found.append(f"helm lint, {name}: {linted.stdout.strip()} {linted.stderr.strip()}")
        found += _rendered(name, arguments, expected)
    for name, (arguments, expected) in REFUSED.items():
        done = helm("template", "shop", str(CHART), *arguments)
        if done.returncode == 0 or expected not in done.stderr:
            found.append(f"{name} is not refused for it: {done.stderr.strip() or 'rendered'}")
    return found
