"""Encoders, classifiers and decoders."""
