"""The `fedtag` command: one module per verb."""
