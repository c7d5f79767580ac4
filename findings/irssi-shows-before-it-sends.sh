#!/usr/bin/env bash
# irssi: what somebody says soon after it has connected is shown as said at once, and sent seconds later.
#
# Version    irssi 1.4.3 (Debian 1.4.3-2)
# Behaviour  irssi sends five commands at once and then one in 2.2 seconds (cmds_max_at_once, cmd_queue_speed), to keep
#            servers from taking it for a flooder. The commands with which it logs in and joins count as well. A line
#            that is typed behind a JOIN is written into the window as one's own at once; it is sent when its turn
#            comes, and lost if the connection ends before, with nothing in the window that tells of it.
# Seen       as it is: on the screen at once, sent more than a second later
# Seen       cmd_queue_speed 10msec: on the screen at once, sent at once
# Source     irssi's documentation of settings: cmds_max_at_once, cmd_queue_speed.
set -euo pipefail

command -v irssi >/dev/null || { echo "irssi is not installed"; exit 77; }
irssi --version | grep -q '^irssi 1\.4\.3' || { echo "another version: $(irssi --version)"; exit 77; }

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

seen=$(timeout 90 python3 - "$work" <<'PY'
import fcntl
import os
import pty
import select
import signal
import socket
import struct
import sys
import termios
import time

PATIENCE = 20


class Client:
    """An irssi on a terminal, and the one connection of the server that it is sent to."""

    def __init__(self, folder, settings):
        listener = socket.create_server(("127.0.0.1", 0))
        os.mkdir(folder, 0o700)
        port = listener.getsockname()[1]
        with open(f"{folder}/config", "w") as config:
            config.write(
                'servers = ( { address = "127.0.0.1"; chatnet = "test"; port = "%d"; autoconnect = "yes"; } );\n'
                'chatnets = { test = { type = "IRC"; nick = "alice"; }; };\n'
                'channels = ( { name = "#tea"; chatnet = "test"; autojoin = "yes"; } );\n'
                'settings = { core = { nick = "alice"; }; "irc/core" = { %s }; };\n' % (port, settings)
            )
        self.pid, self.terminal = pty.fork()
        if self.pid == 0:
            time.sleep(0.2)  # the terminal gets its size
            os.environ["TERM"] = "xterm"
            os.execvp("irssi", ["irssi", f"--home={folder}"])
        fcntl.ioctl(self.terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
        listener.settimeout(PATIENCE)
        self.link = listener.accept()[0]
        listener.close()
        self.lines, self.data, self.screen = [], b"", b""

    def say(self, line):
        self.link.sendall(f":irc.test {line}\r\n".encode())

    def turn(self):
        """Take what has come from the client and its screen, and answer."""
        ready = select.select([self.link, self.terminal], [], [], 0.05)[0]
        if self.terminal in ready:
            self.screen += os.read(self.terminal, 65536)
        if self.link not in ready:
            return
        *lines, self.data = (self.data + self.link.recv(4096)).split(b"\r\n")
        for line in (line.decode() for line in lines):
            self.lines.append(line)
            word, _, rest = line.partition(" ")
            if word == "CAP" and rest.startswith("LS"):
                self.say("CAP * LS :multi-prefix")
            elif word == "CAP" and rest.startswith("REQ"):
                self.say("CAP * ACK :multi-prefix")
            elif word == "USER":
                for number, text in (("001", "Welcome"), ("422", "No message of the day")):
                    self.say(f"{number} alice :{text}")
            elif word == "JOIN" and rest == "#tea":  # it sends one without a channel before
                self.link.sendall(b":alice!a@test JOIN #tea\r\n")
                self.say("353 alice = #tea :alice")
                self.say("366 alice #tea :End")
            elif word == "PING":
                self.say(f"PONG irc.test {rest}")

    def wait(self, what):
        """Take turns until ``what`` is so; return the seconds that took."""
        began = time.monotonic()
        while not what():
            if time.monotonic() > began + PATIENCE:
                raise SystemExit("nothing came")
            self.turn()
        return time.monotonic() - began


def play(name, settings):
    client = Client(f"{sys.argv[1]}/{len(settings)}", settings)
    try:
        client.wait(lambda: "JOIN #tea" in client.lines)
        os.write(client.terminal, b"/window goto #tea\r")
        client.wait(lambda: b"joined" in client.screen)
        client.screen = b""
        os.write(client.terminal, b"hello\r")
        shown = client.wait(lambda: b"hello" in client.screen.partition(b"alice")[2])
        sent = shown + client.wait(lambda: "PRIVMSG #tea :hello" in client.lines)
    finally:
        os.kill(client.pid, signal.SIGKILL)
        os.waitpid(client.pid, 0)
    words = ("at once" if shown < 0.5 else "late", "at once" if sent < 0.5 else "more than a second later")
    print(f"{name}: on the screen {words[0]}, sent {words[1]}" if not 0.5 <= sent <= 1 else f"{name}: {sent}")


play("as it is", "")
play("cmd_queue_speed 10msec", 'cmd_queue_speed = "10msec";')
PY
)
echo "$seen"
expected=$(sed -n 's/^# Seen *//p' "$0")
[ "$seen" = "$expected" ] || { echo "This has changed; expected:"; echo "$expected"; exit 1; }
