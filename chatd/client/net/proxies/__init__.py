"""Ways through proxies: how they are written, chosen and asked, and endpoints that lead through them.

Never here: what is said to the server behind the proxy. `chatd.client.net.way` and the command line call it.
h11 and socksio, the extra ``proxy``, are imported where a negotiation is made and nowhere else.
"""
