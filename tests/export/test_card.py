from dataclasses import asdict

from vaeport_export.bundle.figures import figures_table
from vaeport_train.evaluation import (
    ConditionalAccuracy,
    ConfidenceCalibration,
    Estimate,
    Figures,
    JudgeRecipe,
    JudgeRecord,
    Likelihood,
    ProbeAccuracies,
)

EVERYTHING = Figures(
    images=10_000,
    vae_loss=101.25,
    reconstruction=80.0,
    kl=21.25,
    kl_by_dimension=(21.25,),
    negative_elbo_given_label=99.5,
    cross_entropy=0.1375,
    classification_loss=1.375,
    classification_errors=390,
    classification_error=0.039,
    classification_error_95=(0.035, 0.043),
    calibration=ConfidenceCalibration(0.0123, (1.0,), (0.039,), (0.4,)),
    probe_accuracies=ProbeAccuracies(0.123, 0.345),
    likelihood=Likelihood(10_000, 5000, 50, 1000, Estimate(80.12, 0.2, 0.004, 81.0), Estimate(82.5, None, 0.01, 83.0)),
    conditional_accuracy=ConditionalAccuracy(
        10_000,
        0,
        0.9987,
        (0.998, 0.999),
        (0.9987,) * 2,
        JudgeRecord(
            (1, 28, 28), ("a", "b"), "mnist", 60_000, JudgeRecipe(), "test", 9_999, 26, 0.9974, (0.99, 1.0), "0"
        ),
    ),
)


def test_card_tells_every_figure_that_was_measured() -> None:
    text = figures_table({"mnist test": asdict(EVERYTHING)}, condition="label")

    for told in (
        "| mnist test | 10000 | 101.25 | 99.50 | 1.375 | 3.90 % (3.50 to 4.30) |",
        "expected calibration error 1.23 %",
        "at 12.3 % by a linear probe, at 34.5 % by an MLP probe",
        "-log p(x given y) 80.12 nats (standard error 0.20 by images, 0.004 by subset)",
        "5000 importance samples of 1000 and 50 of the other 9000",
        "-log p(x) 82.50 nats (standard error unknown by images",
        "conditional accuracy: 99.87 % of 10000 images",
        "right on 99.74 % of 9999 test images of mnist",
    ):
        assert told in text
