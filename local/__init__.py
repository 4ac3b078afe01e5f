"""A plan as processes of this machine, around an embedded broker."""
