"""The chart as helm renders it."""

from typing import NamedTuple

from .tools import ROOT

CHART = ROOT / "deploy/helm/despatch"


class Expected(NamedTuple):
    """What a rendering has, beside the workers."""

    scaling: str
    migrates: bool  # by a Job
    monitored: bool  # objects for the Prometheus Operator and for Grafana


class Rendering:
    def __init__(self, objects: list[dict], expected: Expected) -> None:
        self.objects = objects
        self.scaling, self.migrates, self.monitored = expected

    def of_kind(self, kind: str) -> dict[str, dict]:
        """Objects by the component that they belong to, hooks left out."""
        found = {}
        for each in self.objects:
            metadata = each["metadata"]
            if each["kind"] == kind and "helm.sh/hook" not in metadata.get("annotations", {}):
                found[metadata["labels"]["app.kubernetes.io/component"]] = each
        return found

    def pods(self) -> dict[str, dict]:
        """The specs of all pods, the Job's included."""
        makers = [each for each in self.objects if each["kind"] in ("Deployment", "Job")]
        return {each["metadata"]["name"]: each["spec"]["template"]["spec"] for each in makers}

    def containers(self):
        for name, pod in self.pods().items():
            for container in pod.get("initContainers", []) + pod["containers"]:
                yield f"{name}/{container['name']}", container

    def remove(self, kind: str, component: str) -> None:
        self.objects.remove(self.of_kind(kind)[component])

    def worker(self, component: str) -> dict:
        return self.of_kind("Deployment")[component]["spec"]["template"]["spec"]


def variables(container: dict) -> dict[str, dict]:
    return {variable["name"]: variable for variable in container.get("env", [])}
