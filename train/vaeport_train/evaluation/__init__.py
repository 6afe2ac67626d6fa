"""Figures of a trained network, a file for each."""

from .anomaly import held_out_scale
from .calibration import Calibration, calibrate
from .conditional import ConditionalAccuracy, conditional_accuracy
from .intervals import wilson_interval
from .judge import Judge, JudgeRecipe, JudgeRecord, load_judge, save_judge
from .judge_training import train_judge
from .likelihood import Likelihood, importance_weighted
from .losses import Figures, evaluate
from .probe import probe_accuracy

__all__ = [
    "Calibration",
    "ConditionalAccuracy",
    "Figures",
    "Judge",
    "JudgeRecipe",
    "JudgeRecord",
    "Likelihood",
    "calibrate",
    "conditional_accuracy",
    "evaluate",
    "held_out_scale",
    "importance_weighted",
    "load_judge",
    "probe_accuracy",
    "save_judge",
    "train_judge",
    "wilson_interval",
]
