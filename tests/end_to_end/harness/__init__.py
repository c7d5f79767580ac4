"""Whole processes for tests: a real daemon on a folder and a free port, and a raw client for its wire."""
