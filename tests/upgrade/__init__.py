"""Today's code beside release v0.1.0's, and after it."""
