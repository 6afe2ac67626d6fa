"""A run: its loop, its state, its files."""
