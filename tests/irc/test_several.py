"""Several at once: what is said to several, who is removed together, names of several, and lists by age."""

NAME = "My.Little.Server"
ADA, BEA, EVE = (f":{nick}!~u@on.chatd" for nick in ("ada", "bea", "eve"))


def bare(line):
    return line.split(" ", 1)[1] if line.startswith("@") else line


def test_what_is_said_to_several_is_echoed_in_one_batch(place):
    ada = place.enter("ada", "echo-message", "batch", "labeled-response")
    bea, eve = place.enter("bea"), place.enter("eve")
    heard = ada.ask("@label=x PRIVMSG bea,eve,bea :hey")
    assert heard[0] == f"@label=x :{NAME} BATCH +b1 labeled-response"
    assert heard[1:] == [
        f"@batch=b1 {ADA} PRIVMSG bea :hey",
        f"@batch=b1 {ADA} PRIVMSG eve :hey",
        f":{NAME} BATCH -b1",
    ]
    assert (bea.hear(), eve.hear()) == ([f"{ADA} PRIVMSG bea :hey"], [f"{ADA} PRIVMSG eve :hey"])
    heard = ada.ask("@label=y PRIVMSG bea,no,#no :hey")
    assert sorted(bare(line).split()[1] for line in heard) == ["401", "403", "BATCH", "BATCH", "PRIVMSG"]
    assert all(line.startswith("@batch=b2 ") for line in heard[1:-1])
    assert sorted(ada.ask("PRIVMSG bea,eve :again")) == [
        f"{ADA} PRIVMSG bea :again",
        f"{ADA} PRIVMSG eve :again",
    ]
    assert ada.ask("NOTICE bea,no :again") == [f"{ADA} NOTICE bea :again"]
    assert [line.split()[1] for line in ada.ask("PRIVMSG a,b,c,d,e :x")] == ["407"]


def test_several_are_removed(place):
    ada, bea, eve, dan = (place.enter(nick) for nick in ("ada", "bea", "eve", "dan"))
    for client in (ada, bea, eve, dan):
        client.ask("JOIN #tea")
    dan.hear()
    ada.ask("KICK #tea bea,eve :bye")
    assert dan.hear() == [f"{ADA} KICK #tea bea :bye", f"{ADA} KICK #tea eve :bye"]
    bea.ask("JOIN #tea")
    ada.hear()
    dan.hear()
    assert [line.split()[1] for line in ada.ask("KICK #tea,#no dan,bea", "KICK #a,#b x")] == [
        "KICK",
        "403",
        "461",
    ]


def test_names_of_several(place):
    ada = place.enter("ada")
    ada.ask("JOIN #a,#b")
    assert ada.ask("NAMES #a,#no,#b") == [
        f":{NAME} 353 ada = #a @ada",
        f":{NAME} 353 ada = #b @ada",
        f":{NAME} 366 ada #a,#no,#b :End of NAMES list",
    ]


def test_whowas_of_several_tells_the_latest_first(place):
    ada = place.enter("ada")
    for nick in ("bea", "eve"):
        place.enter(nick).send("QUIT")
        ada.hear()
    for asked in ("bea,eve", "eve,bea"):
        heard = [line.split()[1:4] for line in ada.ask(f"WHOWAS {asked}")]
        assert [words[2] for words in heard if words[0] == "314"] == ["eve", "bea"]
        assert heard[-1] == ["369", "ada", asked]
    assert [line.split()[1] for line in ada.ask("WHOWAS bea,no")] == ["406", "314", "312", "369"]


def test_lists_by_age(place):
    ada = place.enter("ada")
    ada.ask("JOIN #old", "TOPIC #old :x")
    for _ in range(4):
        place.advance(30)
        ada.send("PONG x")
    ada.ask("JOIN #new")

    def rows(wish):
        return [line.split(" ")[3] for line in ada.ask(f"LIST {wish}") if " 322 " in line]

    place.advance(20)
    assert rows("C>1") == ["#old"] and rows("C<1") == ["#new"]
    assert rows("C>0") == rows("C<10") == ["#new", "#old"] and rows("C<0") == []
    assert rows("T>1") == rows("T<10") == ["#old"] and rows("T<1") == []
    assert rows("C<10,!#o*") == ["#new"]


def test_a_name_that_cannot_be_is_no_channel(place):
    ada = place.enter("ada")
    name = "#" + "x" * 40
    assert ada.ask(f"JOIN {name}")[0].split()[1:4] == ["403", "ada", name]


def test_who_was_invited_can_ask_where(place):
    ada, bea = place.enter("ada"), place.enter("bea")
    ada.ask("JOIN #tea,#a", "INVITE bea #tea", "INVITE bea #a")
    bea.hear()
    assert sorted(bea.ask("INVITE")[:2]) == [f":{NAME} 336 bea #a", f":{NAME} 336 bea #tea"]
    bea.ask("JOIN #tea,#a")
    assert [line.split()[1] for line in bea.ask("INVITE", "INVITE ada")] == ["337", "461"]
    assert place.enter("eve").ask("NS REGISTER a-password")[0].endswith(" NOTICE eve :Account created")
