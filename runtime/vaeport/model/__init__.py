"""A loaded bundle and its answers."""
