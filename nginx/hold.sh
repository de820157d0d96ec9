# One cutover at a time, whoever runs it. The lock goes with the process that holds it, and that one ends with its standard input: a
# caller that was killed leaves no lock behind, but its name, so that the next one can say it. $1 says who holds it, $2 how many seconds
# another one is waited for, $3 how many lines of the history are read, $4 how many are kept, $5 is cutover.sh.
# Where there are several hosts, it and its caller give each other up after $6 seconds of silence; 0 where there is one alone. Behind
# ask.sh in one shell; read.sh, which says what serves, and write.sh, which does what it is told, go on from here.
cd /var/lib/blue-green || exit 1
exec 9>lock
waited=0
until flock -n 9; do
    if [ "$waited" -ge "$2" ]; then echo "busy $(cat holder 2>/dev/null)"; exit 75; fi
    if [ $((waited % 5)) -eq 0 ]; then echo "wait $(cat holder 2>/dev/null)"; fi
    sleep 1
    waited=$((waited + 1))
done
# What neither the configuration that serves nor the one before it names is not needed any more.
prune() {
    # Not under a step that goes on without us, and may be about to put a configuration in place.
    exec 8>step.lock && flock -n 8 || return
    for kept in files/*; do
        [ -f "$kept" ] && ! grep -qsF "${kept#files/}" nginx.conf nginx.conf.previous && rm -f "$kept"
    done
    # Nobody keeps it short any more.
    grep -qsF requests.log nginx.conf || rm -f requests.log requests.counts cutover.prom cgroups
}
beats=
trap '[ -z "$beats" ] || kill "$beats"; rm -f /run/watched next; true >answers.log; prune' EXIT
if [ -s holder ]; then echo "stale $(cat holder)"; fi
printf '%s\n' "$1" >holder || rm -f holder
rm -f /run/taken-back
HELD=yes
HISTORY=$3
most_lines=$4
cutover=$5
silence=$6
