"""Where answers first go wrong."""
