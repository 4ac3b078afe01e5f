"""The rules that a TAG, its data and its run must keep: one module per family, each yields all the faults it finds."""
