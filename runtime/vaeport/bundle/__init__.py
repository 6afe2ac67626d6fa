"""A bundle on disk: its folder, its manifest, its golden answers."""
