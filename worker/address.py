"""Where a broker is, and how a connection to it is secured."""

import ssl
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from worker.errors import InputError

_PORTS = {"mqtt": 1883, "mqtts": 8883}


@dataclass(frozen=True, slots=True)
class Address:
    """Where the broker is.

    Attributes:
        host: name or address.
        port: TCP port.
        tls: folder with ca.crt, tls.crt and tls.key; None is without TLS.
    """

    host: str
    port: int
    tls: Path | None = None

    @staticmethod
    def parse(url: str, tls: Path | None = None) -> "Address":
        """The address in `mqtt://host:port` or `mqtts://host:port`.

        Raises:
            InputError: another form, or mqtts without a folder of certificates.
        """
        parts = urlsplit(url)
        try:
            port = parts.port
        except ValueError:
            port = 0
        if parts.scheme not in _PORTS or not parts.hostname or port == 0:
            raise InputError(f"broker {url!r} is no address; write mqtt://host:port or mqtts://host:port")
        if (parts.scheme == "mqtts") != (tls is not None):
            raise InputError(f"broker {url!r}: mqtts needs --tls with a folder of certificates, and mqtt takes none")
        return Address(parts.hostname, port or _PORTS[parts.scheme], tls)


def context_of(folder: Path) -> ssl.SSLContext:
    """A context that trusts the folder's CA and shows its certificate."""
    try:
        context = ssl.create_default_context(cafile=str(folder / "ca.crt"))
        context.load_cert_chain(folder / "tls.crt", folder / "tls.key")
    except (OSError, ssl.SSLError) as error:
        raise InputError(
            f"certificates in {str(folder)!r} can't be used: {error}; the folder holds ca.crt, tls.crt and tls.key"
        ) from error
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context
