"""Figures of a trained network, a file for each."""

from .anomaly import held_out_scale
from .calibration import Calibration, calibrate
from .likelihood import Likelihood, importance_weighted
from .losses import Figures, evaluate, wilson_interval
from .probe import probe_accuracy

__all__ = [
    "Calibration",
    "Figures",
    "Likelihood",
    "calibrate",
    "evaluate",
    "held_out_scale",
    "importance_weighted",
    "probe_accuracy",
    "wilson_interval",
]
