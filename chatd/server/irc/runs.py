"""Runs: plain messages of a client to one channel that stand one behind the other are handled together.

Most of what is said is plain. All else, and what has labels or tags, is done as a command.
"""

from chatd.server import dialogue
from chatd.server.irc.client import Client
from chatd.server.irc.commands.refusals import speaking
from chatd.wire.irc import MAX_BODY
from chatd.wire.irc_decoder import IrcDecoder
from chatd.wire.messages import Error, Ok, Send


def hear_run(client: Client, decoder: IrcDecoder, most: int) -> int:
    """Handle the plain messages that stand first in ``decoder``, at most ``most``; return how many."""
    plain = decoder.plain(most)
    session = client.session
    if plain is None or session is None:
        return 0
    target, texts, ends = plain
    room = client.room(target)
    if room is None:
        return 0
    fits = MAX_BODY - len(f":{client.network.nuh(client.nick)} PRIVMSG {target} :\r\n".encode())
    sizes = []
    for text in texts:
        size = len(text) if text.isascii() else len(text.encode())
        if size > fits:
            break
        sizes.append(size)

    def answered(answer: Ok | Error) -> None:
        if isinstance(answer, Error):
            speaking(client, target, answer, notice=False)

    questions, first = client.questions, client.next_number()
    ids = questions.reserve(len(sizes), answered)
    sends = [
        Send(id=id_, n=first + number, room=room.name, text=text)
        for number, (id_, text) in enumerate(zip(ids, texts, strict=False))
    ]
    count = dialogue.hear_plain(client.connection, sends, sizes) if sends else 0
    questions.give_back(ids[count:])
    if count:
        decoder.skip(ends[count - 1])
        client.spoke = client.network.server.wall()
    return count
