"""Federated workers: protocol, exact sums, transport, data and programs. Never imports Pulumi."""
