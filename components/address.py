"""The names and URLs by which a federation's brokers are reached."""

from collections.abc import Sequence
from typing import NamedTuple

from components import access
from components.names import object_name
from tag.deployable import FEDERATION_BROKER
from tag.kubernetes import Kubernetes


class Endpoint(NamedTuple):
    """Where a broker listens, as somebody reaches it."""

    host: str
    port: int
    encrypted: bool

    @property
    def url(self) -> str:
        """As workers are given it."""
        return f"{'mqtts' if self.encrypted else 'mqtt'}://{self.host}:{self.port}"

    @property
    def address(self) -> str:
        """HOST:PORT."""
        return f"{self.host}:{self.port}"


def own_port(*, encrypted: bool) -> int:
    """The port that the broker itself listens on."""
    return access.PORT if encrypted else access.OPEN_PORT


def endpoint(address: str, *, encrypted: bool) -> Endpoint:
    """The endpoint of a HOST or HOST:PORT; without a port it is the broker's own."""
    host, _, port = address.partition(":")
    return Endpoint(host, int(port) if port else own_port(encrypted=encrypted), encrypted)


def service_name(federation: str, broker: str = "") -> str:
    """The name of a broker's Service and Deployment; `broker` is the one that channels name."""
    return object_name(federation, broker or FEDERATION_BROKER)


def inner_endpoint(federation: str, namespace: str, broker: str = "", *, encrypted: bool) -> Endpoint:
    """A broker's Service, as pods of the same cluster reach it."""
    host = f"{service_name(federation, broker)}.{namespace}.svc"
    return Endpoint(host, own_port(encrypted=encrypted), encrypted)


def outer_addresses(settings: Kubernetes) -> list[str]:
    """The addresses by which the broker is reached from elsewhere, for all and for single clusters, sorted."""
    given = [settings.broker_address, *(cluster.broker_address for cluster in settings.clusters.values())]
    return sorted({address for address in given if address is not None})


def certificate_names(federation: str, namespace: str, outer: Sequence[str], broker: str = "") -> tuple[str, ...]:
    """All names and addresses of a broker, for its certificate."""
    service = service_name(federation, broker)
    inside = [
        service,
        f"{service}.{namespace}",
        f"{service}.{namespace}.svc",
        f"{service}.{namespace}.svc.cluster.local",
    ]
    outside = [address.partition(":")[0] for address in outer]
    return tuple(dict.fromkeys([*inside, "localhost", "127.0.0.1", *outside]))
