#!/usr/bin/env bash
# twistd: SIGUSR1 after logrotate moved the log opens no new one, and where nothing rotates it is deadly.
#
# Version    Twisted 26.10.0, Python 3.11, Linux
# Behaviour  Daemons commonly take a signal after the log was moved away as "open the file of that name anew".
#            twistd takes SIGUSR1 as "rotate": it renames the files itself, and does nothing at all where the file
#            of the name is away. So after logrotate's `nocreate` it goes on in the moved file, silently and for
#            good; after `create` the numbers of all old files go up by one more, with an empty one between.
#            In the foreground without --logfile nothing has taken the signal: SIGUSR1 ends the process at once,
#            without its shutdown triggers. One signal, three results, and the unit or the logrotate rule that
#            sends it cannot see which.
# Seen       moved, nothing in its place: goes on in the moved file
# Seen       moved, an empty file in its place: twistd.log, twistd.log.1 (empty), twistd.log.2 (the moved one)
# Seen       foreground without --logfile: status 138, shutdown triggers did not run
# Source     Twisted's code: `rotate` of twisted.python.logfile.LogFile returns where it may not write to the path,
#            and a path that is not there counts as that; `_getLogObserver` of twisted.scripts._twistd_unix
#            installs the handler only where it has made a LogFile. The docstring promises only that logging goes
#            on in the old file where "it's not possible to open new logfile". Twisted's ticket "twistd should
#            support external log rotation facilities" is open since 2008.
set -euo pipefail

work=$(mktemp -d)
daemon=
trap '[ -z "$daemon" ] || kill -KILL "$daemon" 2>/dev/null || true; rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check 'Twisted==26.10.0'
cd "$work"

cat > daemon.tac <<'TAC'
from twisted.application.internet import TimerService
from twisted.application.service import Application
from twisted.internet import reactor
from twisted.python import log

application = Application("ticker")
TimerService(0.05, lambda: log.msg("tick")).setServiceParent(application)
reactor.addSystemEventTrigger("before", "shutdown", lambda: open("stopped", "w").close())
open("ready", "w").close()
TAC

await() {  # await SECONDS COMMAND...
    local left=$(( $1 * 10 )); shift
    until "$@"; do (( left-- > 0 )) || return 1; sleep 0.1; done
}
grows() { local before; before=$(stat -c %s "$1"); sleep 0.5; (( $(stat -c %s "$1") > before )); }
begin() {
    rm -f ready stopped
    venv/bin/twistd --nodaemon --pidfile= -y daemon.tac "$@" >foreground 2>&1 &
    daemon=$!
    await 20 test -e ready
    sleep 1
}
end() { kill "$daemon" 2>/dev/null || true; wait "$daemon" 2>/dev/null || true; daemon=; }

{
    begin --logfile twistd.log
    await 10 test -s twistd.log
    mv twistd.log moved.log
    kill -USR1 "$daemon"
    sleep 1
    if [ ! -e twistd.log ] && grows moved.log; then
        echo "moved, nothing in its place: goes on in the moved file"
    else
        echo "moved, nothing in its place: a new file is opened"
    fi
    end

    rm -f moved.log twistd.log*
    begin --logfile twistd.log
    await 10 test -s twistd.log
    mv twistd.log twistd.log.1
    : > twistd.log
    kill -USR1 "$daemon"
    sleep 1
    empty=$([ -s twistd.log.1 ] || echo " (empty)")
    moved=$(if [ -e twistd.log.2 ] && grep -q tick twistd.log.2; then echo ", twistd.log.2 (the moved one)"; fi)
    echo "moved, an empty file in its place: twistd.log, twistd.log.1$empty$moved"
    end

    begin
    kill -USR1 "$daemon"
    status=0; wait "$daemon" 2>/dev/null || status=$?
    daemon=
    echo "foreground without --logfile: status $status, shutdown triggers $([ -e stopped ] && echo ran || echo did not run)"
} >seen
seen=$(cat seen)
echo "$seen"
expected="moved, nothing in its place: goes on in the moved file
moved, an empty file in its place: twistd.log, twistd.log.1 (empty), twistd.log.2 (the moved one)
foreground without --logfile: status 138, shutdown triggers did not run"
[ "$seen" = "$expected" ] || { echo "The behaviour has changed." >&2; exit 1; }
