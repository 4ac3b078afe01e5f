"""The floor of a ring's round: what it costs when nothing but MQTT moves the same bytes in the same pattern.

Each of N members, a process each, sends in 2 (N - 1) legs a segment of 64-bit sums to the next one, whole and in one
message: in the first N - 1 it adds what came to its own, in the others it takes it. No chunks, no checks, no leader, no
state, no TLS. A ring's round is judged against this, on the same broker, in the same run:

    python -m tests.bench.ring_floor --port 1883 --members 3 --parameters 34826 --rounds 50

prints one JSON line with the median and 90th percentile of the round's time in seconds.
"""

import argparse
import json
import multiprocessing
import queue
import time
from typing import Any

import numpy as np
import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion

WAIT_S = 120


def member(number: int, args: argparse.Namespace, times: "multiprocessing.Queue[Any]") -> None:
    """Take part in all rounds; the first member tells their times."""
    inbox: queue.SimpleQueue[bytes] = queue.SimpleQueue()
    ready: queue.SimpleQueue[None] = queue.SimpleQueue()
    client = mqtt.Client(CallbackAPIVersion.VERSION2, f"floor-{number}", protocol=mqtt.MQTTv311)
    client.on_message = lambda _client, _data, message: inbox.put(bytes(message.payload))
    client.on_subscribe = lambda *_: ready.put(None)
    client.max_inflight_messages = 0
    client.connect(args.host, args.port)
    client.loop_start()
    client.subscribe(f"floor/part/{number}", qos=1)
    ready.get(timeout=WAIT_S)
    times.put(None)
    args.barrier.wait(WAIT_S)
    count, to = args.members, f"floor/part/{(number + 1) % args.members}"
    edges = [args.parameters * n // count for n in range(count + 1)]
    own = np.arange(args.parameters, dtype=np.int64)
    for _ in range(args.rounds):
        start = time.perf_counter()
        total = own.copy()
        for leg in range(2 * (count - 1)):
            out = (number - leg) % count
            client.publish(to, total[edges[out] : edges[out + 1]].tobytes(), qos=1)
            into = (number - 1 - leg) % count
            part = total[edges[into] : edges[into + 1]]
            came = np.frombuffer(inbox.get(timeout=WAIT_S), np.int64)
            part[:] = part + came if leg < count - 1 else came
        if number == 0:
            times.put(time.perf_counter() - start)
        if not np.array_equal(total, count * own):
            raise SystemExit("the sum is wrong")
    time.sleep(0.2)
    client.loop_stop()


def main() -> None:
    """Run the rounds and print their times."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=1883)
    parser.add_argument("--members", type=int, default=3)
    parser.add_argument("--parameters", type=int, default=34826)
    parser.add_argument("--rounds", type=int, default=50)
    args = parser.parse_args()
    args.barrier = multiprocessing.Barrier(args.members)
    times: multiprocessing.Queue[Any] = multiprocessing.Queue()
    members = [multiprocessing.Process(target=member, args=(n, args, times)) for n in range(args.members)]
    for one in members:
        one.start()
    found = [seconds for _ in range(args.rounds + args.members) if (seconds := times.get(timeout=WAIT_S)) is not None]
    for one in members:
        one.join(10)
    told = {
        "members": args.members,
        "bytes": 8 * args.parameters,
        "rounds": args.rounds,
        "median_s": round(float(np.median(found)), 6),
        "p90_s": round(float(np.quantile(found, 0.9)), 6),
    }
    print(json.dumps(told))


if __name__ == "__main__":
    main()
