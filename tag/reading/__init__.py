"""YAML and JSON files to plain values, with the place of each, within bounds; and on to models, or faults."""
