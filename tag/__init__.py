"""The Topology Abstraction Graph: its models, checks, expansion, topics and limits. Pure: no Pulumi, no Keras, no MQTT."""
