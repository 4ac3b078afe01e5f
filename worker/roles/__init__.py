"""The roles' programs: they drive the pure state machines over a channel, and hold the bytes."""
