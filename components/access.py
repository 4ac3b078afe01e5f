"""The broker's configuration and access rules, as text for mosquitto 2.0 and later."""

from collections.abc import Iterable

from tag import limits
from tag.plan import Plan
from tag.topics import OPERATOR, ROOT, access_rules, write_pattern

FOLDER = "/run/broker"
"""Where the broker finds its certificate and rules: an emptyDir, as mosquitto 2.1 refuses the links in a Secret."""

PORT = 8883
OPEN_PORT = 1883

OPERATOR_READS = ("here/+", "state/+", "alive/+", "event/+", "model/+", f"model/+/{OPERATOR}")
NOT_FOR_THE_OPERATOR = (
    *("here", "state", "model", "update", "evaluation", "checkpoint", "claim", "alive", "pairing", "event"),
)

# Twice the protocol's window: acknowledgements of a far reader never hold it up. Queues are unbounded, because the
# protocol bounds what is under way and a broker that drops in silence would cost a whole round.
INFLIGHT = 2 * limits.WINDOW_CHUNKS
COMMON = f"""
persistence false
retain_available true
max_packet_size {limits.MAX_PACKET_BYTES}
max_queued_messages 0
max_queued_bytes 0
max_inflight_messages {INFLIGHT}
max_inflight_bytes 0
set_tcp_nodelay true
sys_interval 0
log_dest stderr
log_type error
log_type warning
log_type notice
log_type information
log_timestamp_format %Y-%m-%dT%H:%M:%S
"""


def configuration(*, encrypted: bool) -> str:
    """The text of mosquitto.conf.

    Args:
        encrypted: false makes an open broker without identities, for experiments.
    """
    if not encrypted:
        return f"listener {OPEN_PORT}\nallow_anonymous true\n{COMMON}"
    secured = f"""listener {PORT}
cafile {FOLDER}/ca.crt
certfile {FOLDER}/tls.crt
keyfile {FOLDER}/tls.key
tls_version tlsv1.3
require_certificate true
use_identity_as_username true
use_username_as_clientid true
allow_anonymous false
acl_file {FOLDER}/acl
"""
    return secured + COMMON


def access_list(plan: Plan, broker: str = "") -> str:
    """The text of a broker's access rules: who may read which topics; everyone writes under the own name only.

    Args:
        plan: all workers.
        broker: name; the federation's has none. Only its own workers may read anything.
    """
    blocks = [f"pattern write {write_pattern(plan.federation)}", _operator(plan.federation)]
    blocks += [_user(worker, reads) for worker, reads in sorted(access_rules(plan.workers, broker).items())]
    return "\n\n".join(blocks) + "\n"


def _user(name: str, reads: Iterable[str], denied: Iterable[str] = ()) -> str:
    lines = [f"user {name}"]
    lines += [f"topic deny {topic}" for topic in denied]
    lines += [f"topic read {topic}" for topic in dict.fromkeys(reads)]
    return "\n".join(lines)


def _operator(federation: str) -> str:
    """Of what the pattern would let the operator write, only `want` is left."""
    base = f"{ROOT}/{federation}/+/+"
    denied = [f"{base}/{kind}/{OPERATOR}/#" for kind in NOT_FOR_THE_OPERATOR]
    return _user(OPERATOR, [f"{base}/{kind}" for kind in OPERATOR_READS], denied)
