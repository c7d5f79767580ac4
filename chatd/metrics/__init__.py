"""The page of figures: what Prometheus scrapes, and whether the daemon is alive and ready, over HTTP.

It reads counters and walks connections in short turns; nothing here decides anything about chat.
The service opens it where ``[metrics]`` names an endpoint; nothing else imports it.
"""
