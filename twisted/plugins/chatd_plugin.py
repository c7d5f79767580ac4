"""Tell twistd about chatd."""

from twisted.application.service import ServiceMaker

chatd = ServiceMaker(
    "chatd", "chatd.daemon", "A chat server for networks that fail: rooms are durable logs.", "chatd"
)
