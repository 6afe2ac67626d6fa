"""What every part of vaeport shares."""
