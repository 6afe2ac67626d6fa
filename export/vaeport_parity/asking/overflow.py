"""Input sets on which the reference itself overflows: nothing can be asked of others there."""

import dataclasses

import numpy as np

from vaeport.errors import InputError

from ..reference.expected import Expectations, Expected
from ..subjects.subject import Subject


def without_overflow(subject: Subject) -> tuple[Subject, tuple[str, ...], Expectations]:
    """The subject without sets of large inputs on which the native reference overflows.

    Returns:
        The subject, a sentence for each set that is left out, and the answers that were computed for that.

    Raises:
        InputError: the native reference overflows on ordinary inputs, where float64 does not.
    """
    expectations, kept, dropped = Expectations(subject), [], []
    for given in subject.input_sets:
        output = ""
        if given.scale or given.name == "probes":
            try:
                output = _overflowing(expectations.of(given.graph, given.name, 0, len(given)))
            except InputError as error:
                if not given.scale:
                    raise
                dropped.append(f"{given.graph}, {given.name}: {error}")
                continue
        if output and not given.scale:
            raise InputError(
                f"{subject.yardstick} answers infinity or no number in {given.graph}/{output} where float64 answers "
                "numbers: the inputs overflow the graph's types; give smaller ones"
            )
        if output:
            dropped.append(f"{given.graph}, {given.name}: {output} overflows in the reference itself.")
        else:
            kept.append(given)
    expectations.subject = dataclasses.replace(subject, input_sets=tuple(kept))
    return expectations.subject, tuple(dropped), expectations


def _overflowing(expected: Expected) -> str:
    for name, native in expected.native.items():
        wide = expected.float64[name]
        if native.dtype.kind not in "biu" and bool((~np.isfinite(native) & np.isfinite(wide)).any()):
            return name
    return ""
