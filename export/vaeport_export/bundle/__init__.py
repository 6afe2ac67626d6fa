"""From graphs to a sealed bundle."""
