"""What a stack needs of its clusters, what they have, and what they lack."""
