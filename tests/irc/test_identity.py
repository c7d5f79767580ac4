"""Who somebody is: what USER says, accounts by another nick, logging in later, OPER, and early accounts."""

import base64

from chatd.chat import accounts
from chatd.chat.changes.rows import OPERATOR
from tests.irc.conftest import Place

NAME = "My.Little.Server"


def shown(name, password):
    return base64.b64encode(f"\0{name}\0{password}".encode()).decode()


def numerics(lines):
    return [line.split()[1] for line in lines]


def test_what_user_says_stands_before_the_host(place):
    ada = place.enter("ada", user="ada.l")
    bea = place.enter("bea", "extended-join", user="b:e!a@*")
    assert ada.ask("JOIN #tea")[0] == ":ada!~ada.l@on.chatd JOIN #tea"
    assert bea.ask("JOIN #tea")[0] == ":bea!~bea@on.chatd JOIN #tea * :Real bea"
    assert ada.hear() == [":bea!~bea@on.chatd JOIN #tea"]
    assert ada.ask("WHO bea")[0].split()[4:6] == ["~bea", "on.chatd"]
    assert bea.ask("WHOIS ada")[0] == f":{NAME} 311 bea ada ~ada.l on.chatd * :Real ada"
    assert bea.ask("USERHOST ada")[0] == f":{NAME} 302 bea ada=+~ada.l@on.chatd"
    ada.send("QUIT :bye")
    assert bea.hear() == [":ada!~ada.l@on.chatd QUIT :Quit: bye"]
    assert bea.ask("WHOWAS ada")[0] == f":{NAME} 314 bea ada ~ada.l on.chatd * :Real ada"


def test_a_join_tells_the_realname_and_the_account(place):
    place.register("ada")
    bea = place.enter("bea", "extended-join")
    bea.ask("JOIN #tea")
    ada = place.enter("lovelace", password="a-password", account="ada")
    ada.ask("JOIN #tea")
    assert bea.hear() == [":lovelace!~u@on.chatd JOIN #tea ada :Real lovelace"]


def test_an_account_is_called_as_nick_wishes_if_no_other_device_is_here(place):
    place.register("ada")
    place.register("eve")
    bea = place.enter("bea", "account-tag")
    ada = place.enter("lovelace", password="a-password", account="ada")
    assert ada.ask("PRIVMSG bea :hey") == []
    assert bea.hear() == ["@account=ada :lovelace!~u@on.chatd PRIVMSG bea :hey"]
    assert f":{NAME} 330 bea lovelace ada :is logged in as" in bea.ask("WHOIS lovelace")
    assert bea.ask("WHO lovelace %na")[0] == f":{NAME} 354 bea lovelace ada"
    phone = place.connect()
    phone.send("CAP REQ sasl", "NICK phone", "USER u 0 * :x", "AUTHENTICATE PLAIN")
    phone.send(f"AUTHENTICATE {shown('ada', 'a-password')}", "CAP END")
    assert any(" 001 lovelace " in line for line in phone.hear(1))
    for client in (ada, phone):
        client.send("QUIT")
    bea.hear()
    late = place.connect()
    late.send("CAP REQ sasl", "NICK eve", "USER u 0 * :x", "AUTHENTICATE PLAIN")
    late.send(f"AUTHENTICATE {shown('ada', 'a-password')}", "CAP END")
    assert any(" 001 lovelace " in line for line in late.hear(1))


def test_an_invitation_tells_the_account(place):
    place.register("ada")
    bea = place.enter("bea", "account-tag", "server-time")
    ada = place.enter("ada", password="a-password")
    ada.ask("JOIN #tea", "INVITE bea #tea")
    heard = bea.hear()[-1]
    assert heard.startswith("@time=") and heard.endswith(";account=ada :ada!~u@on.chatd INVITE bea #tea")


def test_a_guest_logs_in_later(place):
    place.register("ada")
    eve = place.enter("eve", "extended-monitor", "account-notify")
    dan = place.enter("dan", "account-notify", "account-tag")
    bea = place.enter("bea", "sasl")
    eve.ask("MONITOR + bea")
    for client in (dan, bea):
        client.ask("JOIN #tea")
    assert bea.ask("AUTHENTICATE PLAIN") == ["AUTHENTICATE +"]
    assert numerics(bea.ask(f"AUTHENTICATE {shown('ada', 'wrong-password')}")) == ["904"]
    bea.send("AUTHENTICATE PLAIN", f"AUTHENTICATE {shown('ada', 'a-password')}")
    assert numerics(bea.hear(1))[1:] == ["900", "903"]
    assert eve.hear() == [":bea!~u@on.chatd ACCOUNT ada"]
    assert dan.hear()[-1] == ":bea!~u@on.chatd ACCOUNT ada"
    bea.ask("PRIVMSG #tea :hey")
    assert dan.hear() == ["@account=ada :bea!~u@on.chatd PRIVMSG #tea :hey"]
    assert sum(session.user.nick == "ada" for session in place.world.sessions.values()) == 0
    bea.send("QUIT")
    dan.hear()
    again = place.enter("bea")
    again.ask("JOIN #tea", "PRIVMSG #tea :another")
    assert dan.hear()[-1] == ":bea!~u@on.chatd PRIVMSG #tea :another"


def test_who_has_an_account_does_not_become_another(place):
    place.register("ada")
    ada = place.enter("ada", password="a-password")
    assert numerics(ada.ask("AUTHENTICATE PLAIN")) == ["907"]


def test_oper_takes_the_password_of_an_operator(place):
    place.register("root")
    place.register("ada")
    root = next(user for user in place.world.users.values() if user.nick == "root")
    accounts.set_flag(place.world, root, OPERATOR, on=True)
    bea, eve = place.enter("bea"), place.enter("eve")
    refused = ["OPER root wrong-password", "OPER nobody a-password", "OPER ada a-password", "OPER root"]
    assert [numerics(bea.ask(line)) for line in refused] == [["464"], ["464"], ["464"], ["461"]]
    assert numerics(bea.ask("KILL eve :no")) == ["481"]
    assert bea.ask("OPER root a-password") == [
        f":{NAME} 381 bea :You are an operator of this server",
        ":bea!~u@on.chatd MODE bea +o",
    ]
    assert eve.ask("WHO bea")[0].split()[8] == "H*"
    assert "313" in numerics(eve.ask("WHOIS bea"))
    assert " 252 eve 1 " in eve.ask("LUSERS")[1]
    assert bea.ask("MODE bea -o") == [":bea!~u@on.chatd MODE bea -o"]
    assert numerics(bea.ask("KILL eve :no")) == ["481"]
    bea.ask("OPER root a-password")
    bea.ask("KILL eve :go")
    assert eve.ended


def test_an_account_before_the_connection_is_registered():
    place = Place(irc={"early_register": True}, accounts={"min_password": 3})
    place.enter("root")
    ada = place.connect()
    ada.send("CAP LS 302", "REGISTER * * secret", "NICK root", "REGISTER * * secret", "NICK ada")
    heard = ada.hear()
    assert "draft/account-registration=before-connect" in heard[0]
    told = [line.split() for line in heard if " CAP " not in line]
    assert [words[3] for words in told] == ["NEED_NICK", "root", "ACCOUNT_EXISTS"]
    assert ada.ask("REGISTER * * xy")[0].split()[1:4] == ["FAIL", "REGISTER", "WEAK_PASSWORD"]
    ada.send("REGISTER * * secret")
    assert ada.hear(1) == [f":{NAME} REGISTER SUCCESS ada :ada is your account now."]
    ada.send("USER u 0 * :x", "CAP END")
    assert any(" 001 ada " in line for line in ada.hear(1))
    assert ada.ask("WHOIS ada")[-3].split()[1:5] == ["330", "ada", "ada", "ada"]


def test_a_short_password_is_for_the_operator_to_allow(place):
    assert "8 to 512 characters" in place.enter("ada").ask("PRIVMSG NickServ :REGISTER secret")[0]
    Place(accounts={"min_password": 1}).register("ada", "x")


def test_a_bot_is_told_by_a_tag(place):
    ada, bea = place.enter("ada", "message-tags", "echo-message"), place.enter("bea")
    eve = place.enter("eve", "message-tags")
    for client in (ada, bea, eve):
        client.ask("JOIN #tea")
    ada.ask("MODE ada +B")
    for client in (bea, eve):
        client.hear()
    assert ";bot" in ada.ask("PRIVMSG #tea :beep")[0].split()[0]
    assert ";bot" in eve.hear()[0].split()[0]
    assert bea.hear() == [":ada!~u@on.chatd PRIVMSG #tea :beep"]
    ada.ask("MODE ada -B", "PRIVMSG #tea :hey")
    assert ";bot" not in eve.hear()[0]


def test_wallops_reaches_who_wants_it(place):
    place.register("root")
    root = next(user for user in place.world.users.values() if user.nick == "root")
    accounts.set_flag(place.world, root, OPERATOR, on=True)
    ada, bea, eve = (place.enter(nick) for nick in ("ada", "bea", "eve"))
    assert numerics(eve.ask("WALLOPS :hey")) == ["481"]
    assert bea.ask("MODE bea +w") == [":bea!~u@on.chatd MODE bea +w"]
    ada.ask("OPER root a-password")
    assert ada.ask("WALLOPS :hi all") == []
    assert (bea.hear(), eve.hear()) == ([":ada!~u@on.chatd WALLOPS :hi all"], [])


def test_who_comes_is_not_said_to_be_back(place):
    ada, bea = place.enter("ada", "away-notify"), place.enter("bea")
    for client in (ada, bea):
        client.ask("JOIN #tea")
    ada.hear()
    bea.ask("AWAY :at lunch")
    assert ada.hear(1) == [":bea!~u@on.chatd AWAY :at lunch"]
    bea.ask("AWAY")
    assert ada.hear(1) == [":bea!~u@on.chatd AWAY"]
