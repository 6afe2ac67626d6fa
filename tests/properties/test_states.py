"""Models in any order of loading, answering, closing, pickling and forking answer as one that was just loaded."""

import os
import pickle
from typing import Any

import numpy as np
import pytest
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, initialize, rule

import vaeport
from tests.properties.conftest import TINY
from tests.properties.oracles import bits
from tools.torture.soak import forked
from vaeport.errors import InputError

SIZES = st.integers(0, 9)
VERBS = st.sampled_from(["encode", "generate", "reconstruct", "anomaly_score", "style_grid", "classify", "encode_iter"])


def answer(model: vaeport.Model, verb: str, n: int) -> object:
    """Bits of a verb on n rows."""
    images = np.random.default_rng(n).integers(0, 256, (n, 4, 4), np.uint8)
    if verb == "generate":
        return bits(model.generate("dog", n, seed=n))
    if verb == "style_grid":
        return bits(model.style_grid(n, seed=n))
    if verb == "encode_iter":
        return bits(list(model.encode_iter(images, batch=2)))
    return bits(getattr(model, verb)(images))


class Models(RuleBasedStateMachine):
    """Some open models, and some closed ones."""

    opened: Bundle[Any] = Bundle("opened")
    closed: Bundle[Any] = Bundle("closed")

    @initialize()
    def start(self) -> None:
        """What is expected comes from models of the same cut that do nothing else."""
        self.fresh = {rows: vaeport.load(TINY, threads=1, chunk_rows=rows) for rows in (1, 3, 256)}
        self.everyone: list[vaeport.Model] = []

    def teardown(self) -> None:
        """Let all go."""
        for model in (*getattr(self, "fresh", {}).values(), *getattr(self, "everyone", ())):
            model.close()

    @rule(target=opened, threads=st.sampled_from([1, 1, 2]), rows=st.sampled_from([1, 3, 256]))
    def load(self, threads: int, rows: int) -> vaeport.Model:
        """One more model."""
        model = vaeport.load(TINY, threads=threads, chunk_rows=rows)
        self.everyone.append(model)
        return model

    @rule(model=opened, verb=VERBS, n=SIZES)
    def ask(self, model: vaeport.Model, verb: str, n: int) -> None:
        """An open model answers as a fresh one."""
        assert answer(model, verb, n) == answer(self.fresh[model.chunk_rows], verb, n)

    @rule(model=opened, n=SIZES)
    def ask_wrongly(self, model: vaeport.Model, n: int) -> None:
        """A bad input in the last row is refused, and leaves the model as it was."""
        images = np.zeros((n + 1, 4, 4), np.float32)
        images[n, 0, 0] = np.nan
        with pytest.raises(InputError):
            model.reconstruct(images)
        with pytest.raises(InputError):
            model.generate("mouse", n)

    @rule(target=opened, model=opened)
    def travel(self, model: vaeport.Model) -> vaeport.Model:
        """A pickle is a model of its own."""
        return self._arrived(model)

    @rule(model=opened, verb=VERBS, n=SIZES)
    def fork(self, model: vaeport.Model, verb: str, n: int) -> None:
        """A child's copy answers, and so does the parent's afterwards."""
        if hasattr(os, "fork"):
            expected = answer(self.fresh[model.chunk_rows], verb, n)
            assert forked(lambda: "" if answer(model, verb, n) == expected else "other bits") == ""
        self.ask(model, verb, n)

    @rule(target=closed, model=consumes(opened))
    def close(self, model: vaeport.Model) -> vaeport.Model:
        """Closing twice is closing once."""
        model.close()
        model.close()
        return model

    @rule(target=closed, model=consumes(opened), verb=VERBS, n=SIZES)
    def leave(self, model: vaeport.Model, verb: str, n: int) -> vaeport.Model:
        """The end of a `with` closes."""
        with model as entered:
            assert entered is model
            self.ask(model, verb, n)
        return model

    @rule(model=closed, n=st.integers(1, 5))
    def ask_closed(self, model: vaeport.Model, n: int) -> None:
        """A closed model says that it is closed, and still what it is."""
        with pytest.raises(InputError, match="closed"):
            answer(model, "reconstruct", n)
        assert (model.name, model.labels) == ("tiny", ("cat", "dog", "owl"))

    @rule(target=opened, model=closed)
    def revive(self, model: vaeport.Model) -> vaeport.Model:
        """The pickle of a closed model is an open one."""
        return self._arrived(model)

    def _arrived(self, model: vaeport.Model) -> vaeport.Model:
        arrived = pickle.loads(pickle.dumps(model))  # noqa: S301 - our own
        assert isinstance(arrived, vaeport.Model)
        assert arrived.chunk_rows == model.chunk_rows
        self.everyone.append(arrived)
        return arrived


TestModels = Models.TestCase
