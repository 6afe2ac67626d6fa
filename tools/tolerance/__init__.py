"""Calibrate the bound of vaeport_parity: random networks on runtimes that are right, and with seeded defects."""
