"""The run protocol, one decision at a time (`tests/model` takes them all together)."""
