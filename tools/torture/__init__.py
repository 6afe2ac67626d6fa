"""Trials of what vaeport promises under attack, load and failure (`make torture`, docs/reliability.md)."""
