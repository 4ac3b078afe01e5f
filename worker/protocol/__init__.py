"""The round protocol as pure state machines: step(event, now) gives actions; no threads, no clock, no MQTT."""
