"""Figures of a trained network, a file for each."""

from .anomaly_scale import held_out_scale
from .conditional import ConditionalAccuracy, conditional_accuracy
from .confidence import ConfidenceCalibration, confidence_calibration
from .estimates import Estimate, wilson_interval
from .figures import Figures, evaluate
from .judge import Judge, JudgeRecipe, JudgeRecord, load_judge, save_judge
from .judge_training import train_judge
from .likelihood import Likelihood, Sampling, importance_weighted
from .probe import ProbeAccuracies, probe_accuracies

__all__ = [
    "ConditionalAccuracy",
    "ConfidenceCalibration",
    "Estimate",
    "Figures",
    "Judge",
    "JudgeRecipe",
    "JudgeRecord",
    "Likelihood",
    "ProbeAccuracies",
    "Sampling",
    "conditional_accuracy",
    "confidence_calibration",
    "evaluate",
    "held_out_scale",
    "importance_weighted",
    "load_judge",
    "probe_accuracies",
    "save_judge",
    "train_judge",
    "wilson_interval",
]
