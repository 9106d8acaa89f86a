"""What the chart renders for the Prometheus Operator and for Grafana."""

import json

from .rendering import CHART
from .rules import Rules
from .tools import yaml

RULES = Rules()


def _monitors(chart) -> list[dict]:
    return [each for each in chart.objects if each["kind"] == "ServiceMonitor"]


def _break_monitor(chart):
    chart.monitored = True
    chart.objects = [each for each in chart.objects if each["kind"] != "ServiceMonitor"]


@RULES.rule(breaks=_break_monitor)
def there_is_a_monitor_where_one_is_wanted(chart):
    if len(_monitors(chart)) != int(chart.monitored):
        yield f"{len(_monitors(chart))} ServiceMonitors"


def _break_target(chart):
    if not _monitors(chart):
        chart.objects.append({"kind": "ServiceMonitor", "spec": {"selector": {"matchLabels": {"a": "b"}}}, "metadata": {"name": "x"}})
        return
    for port in chart.worker("reviews")["containers"][0]["ports"]:
        port["name"] = "other"


@RULES.rule(breaks=_break_target)
def a_monitor_finds_every_process(chart):
    for monitor in _monitors(chart):
        wanted = monitor["spec"]["selector"]["matchLabels"].items()
        services = [each for each in chart.objects if each["kind"] == "Service" and wanted <= each["metadata"]["labels"].items()]
        if len(services) != 1:
            yield f"{monitor['metadata']['name']}: selects {len(services)} Services"
            continue
        (service,) = services
        ports = {port["name"]: port["targetPort"] for port in service["spec"]["ports"]}
        targets = {ports.get(endpoint["port"]) for endpoint in monitor["spec"]["endpoints"]}
        for worker, deployment in chart.of_kind("Deployment").items():
            template = deployment["spec"]["template"]
            named = {port["name"] for port in template["spec"]["containers"][0]["ports"]}
            if not service["spec"]["selector"].items() <= template["metadata"]["labels"].items() or not targets <= named:
                yield f"{worker}: is not scraped"


def _break_unready(chart):
    chart.objects.append({"kind": "ServiceMonitor", "spec": {"jobLabel": "x"}, "metadata": {"name": "x"}})


@RULES.rule(breaks=_break_unready)
def alerts_get_what_they_ask_for(chart):
    """A job that begins with `despatch`, and processes that are not ready too."""
    services = chart.of_kind("Service")
    for monitor in _monitors(chart):
        service = services.get("metrics", {"metadata": {"labels": {}}, "spec": {}})
        if not service["metadata"]["labels"].get(monitor["spec"]["jobLabel"], "").startswith("despatch"):
            yield f"{monitor['metadata']['name']}: the job is not despatch"
        if not service["spec"].get("publishNotReadyAddresses"):
            yield f"{monitor['metadata']['name']}: who is not ready is not scraped"


def _break_rules(chart):
    chart.monitored = True
    for each in chart.objects:
        if each["kind"] == "PrometheusRule":
            each["spec"]["groups"].pop()


@RULES.rule(breaks=_break_rules)
def the_alerts_are_those_of_the_file(chart):
    files = [yaml.safe_load(file.read_text())["groups"] for file in sorted((CHART / "rules").glob("*.yml"))]
    there = [each["spec"]["groups"] for each in chart.objects if each["kind"] == "PrometheusRule"]
    if there != (files if chart.monitored else []):
        yield f"{len(there)} PrometheusRules, and not what {CHART.name}/rules has"


def _break_dashboards(chart):
    chart.monitored = True
    for each in chart.objects:
        if each["metadata"]["name"].endswith("-dashboard-worker"):
            each["metadata"]["labels"].pop("team_dashboard", None)


@RULES.rule(breaks=_break_dashboards)
def grafana_finds_every_dashboard(chart):
    """By the label of `ci/full-values.yaml`, where dashboards are wanted."""
    files = {f"despatch-{file.name}": json.loads(file.read_text()) for file in (CHART / "dashboards").glob("*.json")}
    there = {}
    for each in chart.objects:
        if each["kind"] == "ConfigMap" and "team_dashboard" in each["metadata"]["labels"]:
            there |= {name: json.loads(text) for name, text in each["data"].items()}
    if there != (files if chart.monitored else {}):
        yield f"dashboards: {sorted(there)}, and not what {CHART.name}/dashboards has"
