"""Flame's files: read as they are, what of them means nothing here, and what `fedtag import` makes of them."""
