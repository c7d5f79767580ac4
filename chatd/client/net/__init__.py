"""The client's side of the network: protocol and factory, connecting, TLS, proxies, news of routes.

Never here: what a session means, profiles, files.
The driver calls it.
"""
