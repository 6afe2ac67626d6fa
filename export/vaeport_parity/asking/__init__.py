"""What every backend is asked."""
