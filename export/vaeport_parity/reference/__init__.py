"""The yardstick that answers are compared with."""
