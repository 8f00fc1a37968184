"""Compute drivers."""
