"""Estimators of scikit-learn, written by skl2onnx: a scaled multilayer perceptron, and a forest of ONNX's ML domain."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from skl2onnx import to_onnx as convert
from sklearn.ensemble import RandomForestRegressor
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler


def _table(seed: int, rows: int) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    rng = np.random.default_rng(seed)
    x = rng.normal(3, 2, (rows, 6)).astype(np.float32)
    return x, (x[:, 0] > 3).astype(np.int64) + (x[:, 1] * x[:, 2] > 9)


def write_classifier(path: Path, answers: Path) -> None:
    """The pipeline as ONNX (input X, outputs label and probabilities), and what scikit-learn answers as .npz."""
    x, y = _table(0, 300)
    pipeline = make_pipeline(StandardScaler(), MLPClassifier((16, 16), max_iter=2000, random_state=0)).fit(x, y)
    graph = convert(pipeline, x[:1], options={"zipmap": False}, target_opset=17)
    path.write_bytes(graph.SerializeToString())
    given, _ = _table(1, 40)
    np.savez(answers, X=given, label=pipeline.predict(given), probabilities=pipeline.predict_proba(given))


def write_forest(path: Path, answers: Path) -> None:
    """A forest: its operators are of the domain ai.onnx.ml."""
    x, y = _table(2, 200)
    forest = RandomForestRegressor(8, max_depth=4, random_state=0).fit(x, y.astype(np.float32))
    path.write_bytes(convert(forest, x[:1], target_opset=17).SerializeToString())
    given, _ = _table(3, 40)
    np.savez(answers, X=given, variable=forest.predict(given)[:, None].astype(np.float32))
