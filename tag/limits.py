"""The sizes and times that every worker and broker of a federation agrees on."""

CHUNK_BYTES = 256 * 1024
"""Raw tensor bytes in one chunk message."""

MAX_PACKET_BYTES = CHUNK_BYTES + 64 * 1024
"""Largest MQTT packet: a chunk, its header, and a manifest."""

WINDOW_CHUNKS = 32
"""Chunks that a sender may be ahead of what its receiver has confirmed."""

ACK_CHUNKS = WINDOW_CHUNKS // 2
"""Chunks of a model after which its reader confirms."""

FAN_OUT_CHUNKS = 128
"""Chunks of a model that are under way to all of a group's readers together."""

FIRST_WINDOW_BYTES = 32 * 1024 * 1024
"""Bytes that all trainers together may send before they have slots."""

STAGING_BYTES = 16 * 1024 * 1024
"""Memory for staged updates, if the model is not larger; beyond it, an unlinked file."""

BEAT_S = 0.5
"""Seconds between two beats of a leader; a change of its state comes with the next."""

STATE_S = 2.0
"""Seconds after which a leader says its state again though nothing has changed."""

SILENCE_S = 2.5
"""Seconds without a beat after which a standby claims."""

CLAIM_WAIT_S = 1.0
"""Seconds that a claimant waits for a higher claim."""

CLAIM_STAGGER_S = 0.5
"""Seconds by which each further standby claims later."""

IDLE_SLOT_S = 10.0
"""Seconds without a chunk after which a slot, or a slow reader of the model, is passed over."""

KEEPALIVE_S = 20
"""MQTT keepalive."""

FRACTION_BITS = 24
"""Fraction bits of a quantised update."""

RANGE_BITS = 38
"""An update is in range if samples × max|w| ≤ 2^RANGE_BITS / trainers in the round."""


def model_window(readers: int) -> int:
    """Chunks that a model's sender may be ahead of its slowest reader.

    A broker holds for each reader what it has not taken yet, so many readers have small windows.
    """
    return max(2, min(WINDOW_CHUNKS, FAN_OUT_CHUNKS // max(1, readers)))
