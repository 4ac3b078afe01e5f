"""The port that leads to the broker: what is sent arrives, and a broken way is followed by a new one."""

import socket

import pytest

from remote.forward import HOST, Forward
from tests.remote.conftest import Ways


def _connect(forward: Forward) -> socket.socket:
    return socket.create_connection((HOST, forward.port), timeout=5)


def _asked(sock: socket.socket, data: bytes) -> bytes:
    """What comes back of what is sent."""
    sock.sendall(data)
    got = b""
    while len(got) < len(data) and (more := sock.recv(65536)):
        got += more
    return got


def test_what_is_sent_arrives_both_ways(echo: int) -> None:
    data = bytes(range(256)) * 4096
    with Forward(Ways(echo).dial) as forward, _connect(forward) as one, _connect(forward) as other:
        assert _asked(one, data) == data
        assert _asked(other, b"other") == b"other", "each connection has a way of its own"
        assert (forward.opened, forward.trouble) == (2, "")


def test_a_way_that_breaks_closes_its_connection_and_the_next_gets_a_new_one(echo: int) -> None:
    ways = Ways(echo)
    with Forward(ways.dial) as forward:
        with _connect(forward) as sock:
            assert _asked(sock, b"before") == b"before"
            ways.reset()
            assert sock.recv(1) == b"", "whoever is connected must hear that the way broke"
            assert "ended" in forward.trouble
        with _connect(forward) as sock:
            assert _asked(sock, b"after") == b"after"
        assert (forward.opened, forward.trouble) == (2, "")


def test_while_there_is_no_way_connections_are_closed_and_the_reason_is_known(echo: int) -> None:
    ways = Ways(echo, open=False)
    with Forward(ways.dial) as forward:
        with _connect(forward) as sock:
            assert sock.recv(1) == b""
        assert forward.trouble == "no pod of the broker is ready"

        ways.open = True
        with _connect(forward) as sock:
            assert _asked(sock, b"there") == b"there"
        assert forward.trouble == ""


def test_a_server_that_refuses_is_told_as_trouble() -> None:
    with socket.create_server((HOST, 0)) as nobody:
        port = nobody.getsockname()[1]
    with Forward(Ways(port).dial) as forward, _connect(forward) as sock:
        assert sock.recv(1) == b""
        assert "refused" in forward.trouble.lower()


def test_nothing_listens_when_it_is_left(echo: int) -> None:
    with Forward(Ways(echo).dial) as forward:
        sock = _connect(forward)
        assert _asked(sock, b"x") == b"x"

    with sock:
        assert sock.recv(1) == b"", "connections end with it"
    with pytest.raises(ConnectionRefusedError):
        _connect(forward)
