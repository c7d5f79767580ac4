"""A bot of the library ``irc``: prints what is said in a room, and says what comes by a pipe.

python with_irc.py HOST PORT CA NICK PASSWORD ROOM FOLDER
"""

import os
import ssl
import sys
import threading
from functools import partial
from pathlib import Path

from irc.bot import ExponentialBackoff, ServerSpec, SingleServerIRCBot
from irc.connection import Factory


class Bot(SingleServerIRCBot):
    def __init__(self, host, port, ca, nick, password, room, folder):
        context = ssl.create_default_context(cafile=ca)
        secure = Factory(wrapper=partial(context.wrap_socket, server_hostname=host))
        servers = [ServerSpec(host, int(port), password)]
        again = ExponentialBackoff(min_interval=3, max_interval=3)
        super().__init__(servers, nick, nick, again, connect_factory=secure, sasl_login=nick)
        self.room, self.folder = room, Path(folder)

    def on_welcome(self, connection, _event):
        connection.join(self.room)

    def on_pubmsg(self, _connection, event):
        with (self.folder / "heard").open("a") as heard:
            heard.write(f"{event.source.nick}: {event.arguments[0]}\n")

    def listen(self):
        fifo = self.folder / "fifo"
        os.mkfifo(fifo)
        while True:
            for line in fifo.open():
                text = line.rstrip("\n")
                if text.startswith("/"):
                    self.connection.send_raw(text[1:])
                    continue
                self.connection.privmsg(self.room, text)
                with (self.folder / "heard").open("a") as heard:
                    heard.write(f"{self.connection.get_nickname()}: {text}\n")


bot = Bot(*sys.argv[1:])
threading.Thread(target=bot.listen, daemon=True).start()
bot.start()
