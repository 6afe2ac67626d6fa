"""Does every way of running the two graphs answer as PyTorch does?

Nothing is imported here: the command must start, and say what is missing, where PyTorch is not installed.
"""
