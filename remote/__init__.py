"""A deployed stack, seen from here: its outputs, its cluster, the way to its broker, what its workers tell and told."""
