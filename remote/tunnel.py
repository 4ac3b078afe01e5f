"""A connection into a pod, through the API server: Kubernetes' port-forward over a WebSocket."""

from typing import Any, Protocol, Self
from urllib.parse import quote

PROTOCOL = "v4.channel.k8s.io"
_DATA, _ERROR = 0, 1
_BINARY, _CLOSE = 2, 8
_SEND_S = 30.0


class Stream(Protocol):
    """A two-way connection that can be waited for with select."""

    def fileno(self) -> int:
        """Its descriptor."""
        ...  # pyright wants a body

    def buffered(self) -> bool:
        """Whether something was taken from the descriptor, but not given yet."""
        ...  # likewise

    def receive(self) -> bytes | None:
        """What came; None for nothing to hand on.

        Raises:
            EOFError: it has ended.
            OSError: it broke.
        """
        ...  # likewise

    def send(self, data: bytes) -> None:
        """Send.

        Raises:
            OSError: it broke.
        """
        ...  # likewise

    def close(self) -> None:
        """Close it."""
        ...  # likewise


class Tunnel:
    """A stream to one port of a pod.

    Args:
        websocket: the client library's, connected.
    """

    def __init__(self, websocket: Any) -> None:
        self._websocket = websocket
        self._begun = {_DATA: False, _ERROR: False}

    @classmethod
    def open(cls, configuration: Any, namespace: str, pod: str, port: int) -> Self:
        """Connect.

        Args:
            configuration: the client library's, of the cluster.
            namespace: of the pod.
            pod: its name.
            port: of the pod.

        Raises:
            OSError: the API server does not let us through.
        """
        from kubernetes.stream import ws_client

        library: Any = ws_client  # it has no types
        path = f"/api/v1/namespaces/{quote(namespace)}/pods/{quote(pod)}/portforward"
        url = library.get_websocket_url(configuration.host.rstrip("/") + path, [("ports", str(port))])
        headers = {"sec-websocket-protocol": PROTOCOL}
        token = configuration.auth_settings().get("BearerToken")
        if token and token["value"]:
            headers["authorization"] = token["value"]
        try:
            websocket = library.create_websocket(configuration, url, headers)
        except OSError:
            raise
        except Exception as error:  # the library's own errors have no public name here
            raise ConnectionError(str(error)) from error
        websocket.settimeout(_SEND_S)
        return cls(websocket)

    def fileno(self) -> int:
        """Of its socket."""
        return int(self._websocket.fileno())

    def buffered(self) -> bool:
        """Whether TLS holds bytes that select does not see."""
        pending = getattr(self._websocket.sock, "pending", None)
        return bool(pending and pending())

    def receive(self) -> bytes | None:
        """The next frame's bytes of the port; None if it has none.

        Raises:
            EOFError: the pod or the API server has ended it.
            OSError: it broke.
        """
        try:
            kind, frame = self._websocket.recv_data_frame(control_frame=True)
        except OSError:
            raise
        except Exception as error:  # likewise
            raise EOFError(str(error)) from error
        if kind == _CLOSE:
            raise EOFError("the API server closed it")
        if kind != _BINARY or not frame.data:
            return None
        channel, data = frame.data[0], frame.data[1:]
        if not self._begun.get(channel, True):
            # The first frame of a channel names the port.
            self._begun[channel] = True
            return None
        if channel == _ERROR:
            raise EOFError(data.decode(errors="replace").strip())
        return bytes(data)

    def send(self, data: bytes) -> None:
        """Send bytes to the port.

        Raises:
            OSError: it broke.
        """
        try:
            self._websocket.send_binary(bytes((_DATA,)) + data)
        except OSError:
            raise
        except Exception as error:  # likewise
            raise ConnectionError(str(error)) from error

    def close(self) -> None:
        """Close it at once, without waiting for the other side."""
        self._websocket.shutdown()
