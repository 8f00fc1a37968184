"""Catalog drivers."""
