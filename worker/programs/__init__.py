"""Programs: what a federation trains. A user points a stack at a file like these."""
