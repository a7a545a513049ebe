"""Measurements of Museo beside its peers; none of them is a test."""
