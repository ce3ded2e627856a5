"""Wiring: which step follows which, when they run, and who hears of a failure. Logic lives in the packages it wires."""
