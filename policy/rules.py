"""The rules, as pure functions: a type and an object's properties give the breaches, a sentence each."""

import re
from collections.abc import Iterator

from objects import Object, containers, is_production, kind_of, labels, pod, section

RESIDENCY = "fedtag/residency"
REGION_LABEL = "topology.kubernetes.io/region"
OPEN_PORT = 1883
DIGEST = re.compile(r"@sha256:[0-9a-f]{64}$")


def limits(type_token: str, value: Object) -> Iterator[str]:
    """Every container has limits of processor time and memory."""
    for container in containers(pod(kind_of(type_token), value) or {}):
        given = section(container, "resources", "limits")
        missing = [kind for kind in ("cpu", "memory") if not given.get(kind)]
        if missing:
            yield f"container {container.get('name')!r} has no limit of {' and '.join(missing)}; give resources.limits"


def no_root(type_token: str, value: Object) -> Iterator[str]:
    """No container runs as root, or may become it."""
    template = pod(kind_of(type_token), value) or {}
    whole = section(template, "spec", "securityContext")
    for container in containers(template):
        name, own = container.get("name"), section(container, "securityContext")
        if own.get("runAsNonRoot", whole.get("runAsNonRoot")) is not True:
            yield f"container {name!r} may run as root; set securityContext.runAsNonRoot: true"
        if own.get("runAsUser", whole.get("runAsUser")) == 0:
            yield f"container {name!r} runs as user 0, which is root; give another runAsUser"
        if own.get("privileged") is True or own.get("allowPrivilegeEscalation") is not False:
            yield f"container {name!r} may gain rights; set securityContext.allowPrivilegeEscalation: false"


def closed_broker(type_token: str, value: Object) -> Iterator[str]:
    """In production no broker is anonymous or in clear."""
    if not is_production(value):
        return
    kind = kind_of(type_token)
    if kind == "ConfigMap":
        yield from _closed_configuration(section(value, "data").get("mosquitto.conf"))
    for port in section(value, "spec").get("ports") or () if kind == "Service" else ():
        if port.get("port") == OPEN_PORT:
            yield f"the service offers port {OPEN_PORT}, on which MQTT is in clear; offer 8883, with TLS"
    for container in containers(pod(kind, value) or {}):
        if any(str(argument).rpartition("=")[2].startswith("mqtt://") for argument in container.get("args") or ()):
            yield f"container {container.get('name')!r} reaches its broker in clear; set kubernetes.tls.enabled: true"


def _closed_configuration(text: str | None) -> Iterator[str]:
    """Each listener of a mosquitto.conf brings a certificate and asks for one; nobody is anonymous."""
    if text is None:
        return
    settings = [line.split(None, 1) for line in text.splitlines() if line.strip() and not line.startswith("#")]
    words = [(pair[0], pair[1].strip() if len(pair) > 1 else "") for pair in settings]
    if ("allow_anonymous", "false") not in words or ("allow_anonymous", "true") in words:
        yield "the broker lets anonymous workers in; set kubernetes.tls.enabled: true"
    listeners: list[set[tuple[str, str]]] = []
    for name, argument in words:
        if name in {"listener", "port"}:
            listeners.append({("address", argument)})
        elif listeners:
            listeners[-1].add((name, argument))
    for listener in listeners:
        names = {name for name, _ in listener}
        if not {"certfile", "keyfile"} <= names or ("require_certificate", "true") not in listener:
            address = next(argument for name, argument in listener if name == "address")
            yield f"listener {address!r} is in clear or asks for no certificate; set kubernetes.tls.enabled: true"
    if not listeners:
        yield "the broker has no listener of its own, and mosquitto's default is in clear; name one with certificates"


def pinned_images(type_token: str, value: Object) -> Iterator[str]:
    """In production every image is named by its digest."""
    if not is_production(value):
        return
    for container in containers(pod(kind_of(type_token), value) or {}):
        image = str(container.get("image"))
        if not DIGEST.search(image):
            yield f"image {image!r} of container {container.get('name')!r} has no digest; write {image}@sha256:…"


def residency(type_token: str, value: Object, region_label: str = REGION_LABEL) -> Iterator[str]:
    """Data with a residency is only on machines of that region."""
    template = pod(kind_of(type_token), value) or {}
    region = labels(template).get(RESIDENCY)
    if region is None or _is_bound_to(section(template, "spec"), region_label, region):
        return
    yield (
        f"the pod's data may not leave region {region!r}, but nothing keeps the pod there; "
        f"give it the node selector {region_label}: {region}"
    )


def _is_bound_to(spec: Object, label: str, region: str) -> bool:
    if section(spec, "nodeSelector").get(label) == region:
        return True
    required = section(spec, "affinity", "nodeAffinity", "requiredDuringSchedulingIgnoredDuringExecution")
    terms = required.get("nodeSelectorTerms") or ()
    # one of the terms is enough for the scheduler, so that each of them must name the region
    return bool(terms) and all(
        any(
            expression.get("key") == label
            and expression.get("operator") == "In"
            and list(expression.get("values") or ()) == [region]
            for expression in term.get("matchExpressions") or ()
        )
        for term in terms
    )
