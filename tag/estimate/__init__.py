"""What a plan will take before anything runs: traffic, links, memory; also of a TAG that is scaled up on paper."""
