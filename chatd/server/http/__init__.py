"""HTTP as all speak it here: Twisted's channel with bounds, answers in JSON, pages about the daemon's health.

Used by the pages of figures and by the listener for HTTP (`chatd.server.web`); it knows neither.
"""
