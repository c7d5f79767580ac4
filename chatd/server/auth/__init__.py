"""Who may come in: credentials, the checkers that know them, and the portal of twisted.cred over both.

Nothing here decides what somebody may do once in (`chatd.chat.permissions`). The server calls it for every
hello, and for requests that come with a password.
"""
