"""Figures of a trained network, a file for each."""

from .anomaly_scale import held_out_scale
from .conditional import ConditionalAccuracy, conditional_accuracy
from .confidence import Calibration, calibrate
from .estimates import Estimate
from .intervals import wilson_interval
from .judge import Judge, JudgeRecipe, JudgeRecord, load_judge, save_judge
from .judge_training import train_judge
from .likelihood import Likelihood, Sampling, importance_weighted
from .losses import Figures, evaluate
from .probe import ProbeAccuracies, probe_accuracies

__all__ = [
    "Calibration",
    "ConditionalAccuracy",
    "Estimate",
    "Figures",
    "Judge",
    "JudgeRecipe",
    "JudgeRecord",
    "Likelihood",
    "ProbeAccuracies",
    "Sampling",
    "calibrate",
    "conditional_accuracy",
    "evaluate",
    "held_out_scale",
    "importance_weighted",
    "load_judge",
    "probe_accuracies",
    "save_judge",
    "train_judge",
    "wilson_interval",
]
