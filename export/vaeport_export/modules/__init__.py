"""The modules that become graphs."""
