"""Whether a bundle answers here as it should, and how fast."""
