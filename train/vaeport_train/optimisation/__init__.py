"""How weights are moved."""
