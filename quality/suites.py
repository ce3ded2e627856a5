"""All suites of the warehouse, by layer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from quality.frames import Frame
from quality.marts import mart_frames
from quality.raw import raw_frames
from quality.star import star_frames


def suites(streams: Mapping[str, Sequence[str]]) -> dict[str, tuple[Frame, ...]]:
    """The frames of each layer; `streams` names the streams of each source."""
    return {"raw": raw_frames(streams), "star_and_marts": (*star_frames(), *mart_frames())}
