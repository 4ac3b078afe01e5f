"""The Topology Abstraction Graph: models, checks, expansion, topics, limits. Pure: no Pulumi, no Keras, no MQTT."""
