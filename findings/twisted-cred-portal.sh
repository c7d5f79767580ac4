#!/usr/bin/env bash
# twisted.cred: a portal asks one checker alone, the first whose interface fits; a second one for the same replaces it.
#
# Version    Twisted 26.10.0, zope.interface 8.7, Python 3.11
# Behaviour  `registerChecker` keeps one checker per interface: another one for the same interface takes the place of the
#            first without a word, so that "ask the file, then LDAP" cannot be made by registering both. `login` asks the
#            first registered checker whose interface the credentials provide. Where one interface extends another, it
#            is the order of registration that decides who is asked, not which of them fits best.
# Seen       two checkers for one interface: only the second is asked
# Seen       general one registered first: the general one is asked for special credentials
# Seen       special one registered first: the special one is asked for special credentials
# Source     Twisted's documentation, "Cred: Pluggable Authentication", on portals with several checkers; its code:
#            `Portal.registerChecker` and `Portal.login` in cred/portal.py.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check 'Twisted==26.10.0' 'zope.interface==8.7'

cd "$work"
timeout 60 venv/bin/python - <<'PY'
import sys

from twisted.cred.checkers import ICredentialsChecker
from twisted.cred.portal import IRealm, Portal
from twisted.internet.defer import succeed
from zope.interface import Interface, implementer


class IGeneral(Interface):
    """Credentials."""


class ISpecial(IGeneral):
    """Credentials of which more is to be looked at."""


class IAvatar(Interface):
    """Who was let in."""


@implementer(ISpecial)
class Special:
    pass


@implementer(IRealm)
class Realm:
    def requestAvatar(self, avatarId, mind, *interfaces):
        return interfaces[0], avatarId, lambda: None


def checker(name, interface):
    @implementer(ICredentialsChecker)
    class Checker:
        credentialInterfaces = (interface,)

        def requestAvatarId(self, credentials):
            return succeed(name)

    return Checker()


def asked(*checkers):
    """Return who is asked for special credentials."""
    seen = []
    portal = Portal(Realm(), checkers)
    portal.login(Special(), None, IAvatar).addCallback(lambda avatar: seen.append(avatar[1]))
    return seen[0]


general, special = checker("general", IGeneral), checker("special", ISpecial)
seen = [
    asked(checker("first", ISpecial), checker("second", ISpecial)),
    asked(general, special),
    asked(special, general),
]
print("two checkers for one interface: only the", seen[0], "is asked")
print("general one registered first: the", seen[1], "one is asked for special credentials")
print("special one registered first: the", seen[2], "one is asked for special credentials")
sys.exit(seen != ["second", "general", "special"])
PY
