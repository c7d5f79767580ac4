"""What an operator meets: configuration, log lines, chatctl.

Never here: rules of chat or bytes of the wire.
The service and twistd call it.
"""
