# Appends $2 to the history, of which $1 lines are kept. Waits for a lock that a cutover holds, since that replaces the same file.
cd /var/lib/blue-green && exec 9>lock || exit 1
tries=10
until flock -n 9; do
    tries=$((tries - 1))
    if [ "$tries" -le 0 ]; then echo "a cutover runs in this proxy" >&2; exit 1; fi
    sleep 1
done
{ tail -n "$(($1 - 1))" history.jsonl 2>/dev/null; printf '%s\n' "$2"; } >history.next && mv -f history.next history.jsonl
