"""What the clusters lack of what a stack needs, before `pulumi up` finds out: one sentence each, with its remedy."""

from collections import defaultdict
from collections.abc import Iterator
from decimal import Decimal

from remote.needs.facts import Lack, Survey, mebibytes, plain
from remote.needs.machines import SHOWN, machines_lack
from remote.needs.survey import connect, look
from remote.needs.wanted import Place, WantedPod, places
from tag.deployable import program_texts
from tag.load import Loaded
from tag.names import listing
from worker.errors import WorkerError


def lacking(loaded: Loaded) -> list[Lack]:
    """What the clusters of a stack lack; asks their API servers. What the user may not read is not compared.

    Raises:
        DeploymentError: a program can't be read.
    """
    found: list[Lack] = []
    for place in places(loaded, program_texts(loaded.plan)):
        try:
            survey = look(connect(place.context), place)
        except WorkerError as error:
            found.append(Lack("cluster", str(error)))
            continue
        found += compare(place, survey)
    return found


def compare(place: Place, survey: Survey) -> list[Lack]:
    """What a cluster lacks of what a place needs, in a stable order."""
    found = [*_namespace(place, survey), *_rights(place, survey), *_claims(place, survey), *_storage(place, survey)]
    found += [*_memory(place), *_quotas(place, survey)]
    return found if survey.machines is None else [*found, *machines_lack(place, survey.machines)]


def _namespace(place: Place, survey: Survey) -> Iterator[Lack]:
    subject = f"namespace {place.namespace!r}"
    if survey.namespace == "leaving":
        yield Lack(subject, "it is being deleted; wait until it is gone (kubectl get namespace)")
    elif place.create and survey.namespace == "other":
        yield Lack(
            subject,
            "it is there already and not this federation's; set kubernetes.namespace.create: false to use it, or "
            "give kubernetes.namespace.name another name",
        )
    elif not place.create and survey.namespace == "missing":
        yield Lack(
            subject,
            f"it is not there, and namespace.create is false; make it with kubectl create namespace {place.namespace}, "
            "or set create: true",
        )


def _rights(place: Place, survey: Survey) -> Iterator[Lack]:
    by_resource: dict[str, list[str]] = defaultdict(list)
    for denied in survey.denied:
        verb, _, resource = denied.partition(" ")
        by_resource[resource].append(verb)
    if by_resource:
        what = "; ".join(f"{', '.join(verbs)} {resource}" for resource, verbs in by_resource.items())
        yield Lack(
            f"namespace {place.namespace!r}",
            f"you may not {what}; ask the cluster's administrator for a role with these rights",
        )


def _claims(place: Place, survey: Survey) -> Iterator[Lack]:
    named = (
        ("volume claim", place.claims, survey.claims, "a dataset's claim"),
        ("pull secret", set(place.settings.pull_secrets), survey.secrets, "kubernetes.pullSecrets"),
    )
    for what, wanted, there, field in named:
        for name in sorted(wanted):
            if place.create and survey.namespace == "missing":
                yield Lack(
                    f"{what} {name!r}",
                    f"it can't be in namespace {place.namespace!r}, which 'pulumi up' would make; make the namespace "
                    "and what is in it first, and set kubernetes.namespace.create: false",
                )
            elif there is not None and name not in there:
                yield Lack(
                    f"{what} {name!r}",
                    f"namespace {place.namespace!r} has none of this name{_has(there)}; make it there, or correct "
                    f"{field}",
                )


def _has(names: frozenset[str]) -> str:
    return f" (there are {listing(sorted(names)[:SHOWN])})" if names else ""


def _storage(place: Place, survey: Survey) -> Iterator[Lack]:
    storage = place.settings.storage
    if storage is None or not place.volumes or survey.classes is None:
        return
    known = f"the cluster has {listing(sorted(survey.classes))}" if survey.classes else "the cluster has none"
    if storage.class_name is not None and storage.class_name not in survey.classes:
        yield Lack(
            f"storage class {storage.class_name!r}",
            f"{known}; name one of these in kubernetes.storage.className, or leave it out for the default",
        )
    elif storage.class_name is None and not any(survey.classes.values()):
        yield Lack(
            "storage class",
            f"none is the default, and kubernetes.storage names none; {known}; set kubernetes.storage.className, or "
            "kubernetes.storage: null to keep checkpoints in the pods",
        )


def _memory(place: Place) -> Iterator[Lack]:
    least: dict[str, WantedPod] = {}
    for pod in place.pods:
        if pod.memory_limit < pod.least:
            least.setdefault(pod.role, pod)
    for role, pod in least.items():
        yield Lack(
            f"memory of {pod.name!r}",
            f"its limit of {mebibytes(pod.memory_limit)} is less than it takes before it does anything "
            f"({mebibytes(pod.least)}), so it would be killed (OOMKilled); raise "
            f"kubernetes.resources.{role}.limits.memory, or resources.memory of its role",
        )


def _quotas(place: Place, survey: Survey) -> Iterator[Lack]:
    if survey.namespace != "other":
        return
    wanted = {
        "requests.cpu": sum(pod.cpu for pod in place.pods),
        "requests.memory": sum(pod.memory for pod in place.pods),
        "limits.cpu": sum(pod.cpu_limit for pod in place.pods),
        "limits.memory": sum(pod.memory_limit for pod in place.pods),
        "pods": Decimal(len(place.pods)),
        "persistentvolumeclaims": Decimal(place.volumes),
    } | {"cpu": sum(pod.cpu for pod in place.pods), "memory": sum(pod.memory for pod in place.pods)}
    for name, left in sorted(survey.quotas.items()):
        quota, _, resource = name.partition("/")
        if resource in wanted and wanted[resource] > left:
            yield Lack(
                f"quota {quota!r}",
                f"{resource} needs {plain(wanted[resource])}, and {plain(left)} is left in namespace "
                f"{place.namespace!r}; raise the quota, or lower kubernetes.resources",
            )
