"""Tell twistd about chatd."""

from twisted.application.service import ServiceMaker

chatd = ServiceMaker(
    "chatd", "chatd.tap", "A chat server for networks that fail: rooms are durable logs.", "chatd"
)
