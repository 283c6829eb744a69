"""Predict tides from harmonic constants."""

from tidewatch.constituents import Constituent
from tidewatch.predict import extremes, level

__all__ = ["Constituent", "extremes", "level"]
