"""Does every way of running the two graphs answer as PyTorch does?"""

from .comparison import ParityReport, ParityRow, compare_backends
from .subject import Subject

__all__ = ["ParityReport", "ParityRow", "Subject", "compare_backends"]
