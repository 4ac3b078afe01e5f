"""A readable summary of all objects of a stack, kept as a file: `FEDTAG_GOLDEN=write` writes it anew."""

import os
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

GOLDEN = Path(__file__).parent / "golden"


def _container(container: dict[str, Any]) -> Iterator[str]:
    amounts = container["resources"]
    yield (
        f"  {container['name']}: {container['image'].partition('@')[0]} "
        f"cpu {amounts['requests']['cpu']}–{amounts['limits']['cpu']} "
        f"memory {amounts['requests']['memory']}–{amounts['limits']['memory']}"
    )
    if "args" in container:
        yield f"    {' '.join(container['args'])}"
    for mount in container["volumeMounts"]:
        yield f"    {mount['mountPath']} from {mount['name']}{', read-only' if mount.get('readOnly') else ''}"


def _source(volume: dict[str, Any]) -> str:
    kind = next(key for key in volume if key != "name")
    value = volume[kind]
    if kind == "projected":
        return ", ".join(f"Secret/{source['secret']['name']}" for source in value["sources"])
    if kind == "emptyDir":
        return f"emptyDir {value['sizeLimit']}"
    return f"{kind} {value.get('name') or value.get('secretName') or value.get('claimName')}"


def _deployment(spec: dict[str, Any]) -> Iterator[str]:
    pod = spec["template"]["spec"]
    place = ", ".join(f"{key}={value}" for key, value in pod["nodeSelector"].items()) or "any machine"
    yield f"  {spec['replicas']} × on {place}, as user {pod['securityContext']['runAsUser']}"
    for container in [*pod.get("initContainers", []), *pod["containers"]]:
        yield from _container(container)
    for volume in pod["volumes"]:
        yield f"  volume {volume['name']}: {_source(volume)}"


def _details(kind: str, inputs: dict[str, Any]) -> Iterator[str]:
    if kind == "Deployment":
        yield from _deployment(inputs["spec"])
    elif kind == "ConfigMap":
        yield f"  {'immutable' if inputs.get('immutable') else 'changed in place'}: {', '.join(sorted(inputs['data']))}"
    elif kind == "Secret":
        yield f"  {', '.join(sorted(inputs['stringData']['value']))}"
    elif kind == "Service":
        yield f"  {inputs['spec']['type']} {', '.join(str(port['port']) for port in inputs['spec']['ports'])}"
    elif kind == "NetworkPolicy":
        chosen = inputs["spec"]["podSelector"]["matchLabels"]
        yield f"  {', '.join(inputs['spec']['policyTypes'])} of {chosen.get('app.kubernetes.io/component', 'all')}"
    elif kind == "Namespace":
        yield f"  pod security {inputs['metadata']['labels']['pod-security.kubernetes.io/enforce']}"


def _summary(objects: dict[str, dict[str, Any]]) -> str:
    lines: list[str] = []
    for name, inputs in objects.items():
        lines += [name, *_details(name.partition("/")[0], inputs)]
    # digests of contents would make every edit of a program an edit of these files
    return re.sub(r"-[0-9a-f]{8}$", "-(digest)", "\n".join(lines), flags=re.MULTILINE) + "\n"


@pytest.mark.parametrize("stack", ["eu-us-asia", "dev", "medmnist", "hierarchical"])
def test_the_objects_of_a_stack_are_those_that_were_reviewed(
    stack: str, deploy: Callable[..., Any], settings: Callable[..., Any]
) -> None:
    summary = _summary(deploy(settings(stack)).objects)
    golden = GOLDEN / f"{stack}.txt"
    if os.environ.get("FEDTAG_GOLDEN") == "write":
        golden.write_text(summary, encoding="utf-8")

    assert summary == golden.read_text(encoding="utf-8"), "review the change, then run with FEDTAG_GOLDEN=write"
