"""The link to a real broker: up, down and up again, without a thread of its own while it is up."""

import threading
import time
from collections.abc import Callable
from typing import Any

from iotcore import Broker

from local.broker import EmbeddedBroker, free_port
from worker.address import Address
from worker.links import Connected, Disconnected, Inbound
from worker.transport import Link

LIMIT_S = 20.0


def take(link: Link, fits: Callable[[Any], bool]) -> Any:
    """The first item that fits."""
    end = time.monotonic() + LIMIT_S
    while time.monotonic() < end:
        if fits(item := link.next(0.2)):
            return item
    raise AssertionError("what was waited for did not come")


def test_a_message_comes_back_and_what_other_threads_put_wakes_the_loop() -> None:
    with EmbeddedBroker(1) as broker:
        link = Link("one", Address.parse(broker.url), ["t/#"])
        link.open()
        assert take(link, lambda item: isinstance(item, Connected)) == Connected(again=False)
        link.publish("t/a", b"x" * 100_000)
        assert take(link, lambda item: isinstance(item, Inbound)) == Inbound("t/a", b"x" * 100_000, retained=False)

        threading.Timer(0.2, link.put, ["woken"]).start()
        start = time.monotonic()
        assert take(link, lambda item: item is not None) == "woken"
        assert time.monotonic() - start < LIMIT_S / 2, "it was woken, not found at a timeout"
        assert (link.sent, link.received) == (100_000, 100_000)
        link.close()


def test_a_broker_that_comes_late_is_found_and_its_absence_told() -> None:
    port = free_port()
    link = Link("one", Address("127.0.0.1", port), ["t/#"])
    link.open()
    down = take(link, lambda item: isinstance(item, Disconnected))
    link.publish("t/a", b"lost")

    with Broker(port=port, listen="127.0.0.1", max_payload_size=1000):
        take(link, lambda item: isinstance(item, Connected))
        link.publish("t/a", b"heard")
        heard = take(link, lambda item: isinstance(item, Inbound))
        link.close()

    assert "refused" in down.reason
    assert heard.payload == b"heard", "what was said while the link was down is not sent later"


def test_a_farewell_is_out_before_the_link_closes() -> None:
    with EmbeddedBroker(2) as broker:
        address = Address.parse(broker.url)
        reader, link = Link("reader", address, ["t/#"]), Link("one", address, [], ("t/here", b"will"))
        for each in (reader, link):
            each.open()
            take(each, lambda item: isinstance(item, Connected))
        link.close([("t/here", b"gone")])
        heard = take(reader, lambda item: isinstance(item, Inbound))
        reader.close()

    assert heard.payload == b"gone"
