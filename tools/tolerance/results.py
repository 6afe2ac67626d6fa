"""The study's results as tables: what each rule says of runtimes that are right, and of each defect."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from .defects import SIZED
from .networks import KINDS
from .rules import RULES
from .runtimes import CONTROLS, FOREIGN, OWN, STRASSEN

Says = Callable[[Mapping[str, Any]], bool]
"""Whether a rule says of a runtime's or a defect's record that the answers are wrong."""

FAULT = 100.0
"""Ratio beyond which a runtime is wrong by any bound that is compared, so that what it does is a fault."""

_Z = 1.96  # of 95 %


@dataclass(frozen=True)
class Results:
    """All networks of a folder."""

    networks: tuple[Mapping[str, Any], ...]
    """As `study` gives them, in the order of kinds and seeds."""

    @property
    def kinds(self) -> tuple[str, ...]:
        """Kinds that are there."""
        return tuple(dict.fromkeys(network["kind"] for network in self.networks))

    @property
    def pairs(self) -> list[dict[str, Any]]:
        """Records of the runtimes that answered, with `network` and `kind`, but for `faults`."""
        return [pair for pair in self._answered((*OWN, *FOREIGN)) if pair["ratio"] <= FAULT]

    @property
    def direct(self) -> list[dict[str, Any]]:
        """The same without the runtimes that multiply large matrices by Strassen's scheme."""
        return [pair for pair in self.pairs if pair["runtime"] not in STRASSEN]

    @property
    def faults(self) -> list[dict[str, Any]]:
        """The same of pairs that every bound under discussion calls wrong, and rightly: no false alarms."""
        return [pair for pair in self._answered((*OWN, *FOREIGN)) if pair["ratio"] > FAULT]

    @property
    def controls(self) -> list[dict[str, Any]]:
        """The same of runtimes that round more, as they come."""
        return self._answered(CONTROLS)

    @property
    def refused(self) -> dict[str, int]:
        """How many networks each runtime did not answer."""
        names = dict.fromkeys((*OWN, *FOREIGN, *CONTROLS), 0)
        for network in self.networks:
            for each in network["runtimes"]:
                names[each["runtime"]] += bool(each["failed"])
        return names

    @property
    def defects(self) -> list[dict[str, Any]]:
        """Records of defects that change the file's numbers, with `network` and `network_kind`."""
        return [
            {**each, "network": network["name"], "network_kind": network["kind"]}
            for network in self.networks
            for each in network["defects"]
        ]

    @property
    def sized(self) -> list[dict[str, Any]]:
        """Defects of chosen sizes."""
        return [each for each in self.defects if each["kind"] in SIZED]

    @property
    def converted(self) -> list[dict[str, Any]]:
        """Defects as converters leave them."""
        return [each for each in self.defects if each["kind"] not in SIZED]

    def _answered(self, names: Sequence[str]) -> list[dict[str, Any]]:
        return [
            {**each, "network": network["name"], "kind": network["kind"]}
            for network in self.networks
            for each in network["runtimes"]
            if each["runtime"] in names and not each["failed"]
        ]


def read_results(folder: Path) -> Results:
    """The results of a folder.

    Raises:
        FileNotFoundError: there are none.
    """
    paths = [path for kind in KINDS for path in sorted(folder.glob(f"{kind}-[0-9]*.json"))]
    if not paths:
        raise FileNotFoundError(f"{folder} holds no results; run python -m tools.tolerance --out {folder} first")
    return Results(tuple(json.loads(path.read_text()) for path in paths))


def beyond(bound: float) -> Says:
    """The rule of a bound in noise floors."""
    return lambda record: record["ratio"] > bound


def beyond_profile(factor: float) -> Says:
    """The rule of a profile of percentiles, each of which may be that many times the calibrated one."""
    return lambda record: record["profile"] > factor


def breaks(rule: str) -> Says:
    """The rule of one of `RULES`."""
    return lambda record: record["rules"][rule] > 1.0


def rules_to_compare() -> dict[str, Says]:
    """The bound of 4 floors, the profile, and the fixed tolerances, by the words that a table has for them."""
    words = {"4 floors": beyond(4.0), "profile x 4": beyond_profile(4.0)}
    return words | {rule.name: breaks(rule.name) for rule in RULES}


def share(records: Sequence[Mapping[str, Any]], says: Says) -> float:
    """Share of records that a rule calls wrong; no number where there are none."""
    return sum(map(says, records)) / len(records) if records else float("nan")


def upper_limit(alarms: int, tries: int) -> float:
    """Upper end of Wilson's 95 % interval of a rate."""
    rate = alarms / tries
    middle = rate + _Z**2 / (2 * tries)
    spread = _Z * np.sqrt(rate * (1 - rate) / tries + _Z**2 / (4 * tries**2))
    return float((middle + spread) / (1 + _Z**2 / tries))


def by_effect(
    defects: Sequence[Mapping[str, Any]], edges: Sequence[float]
) -> list[tuple[float, float, list[Mapping[str, Any]]]]:
    """Defects whose effect in float64 is known, by that effect in noise floors: low, high, records."""
    known = [each for each in defects if each["effect"] is not None]
    ends = zip((0.0, *edges), (*edges, float("inf")), strict=True)
    return [(low, high, [each for each in known if low <= each["effect"] < high]) for low, high in ends]
