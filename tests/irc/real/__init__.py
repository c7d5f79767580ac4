"""Clients of IRC that others have made, as processes on hosts of their own, against a real daemon."""
