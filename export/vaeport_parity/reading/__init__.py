"""What the files themselves show, before anything runs."""
