# Asks nginx and reads its volume; without a configuration there it says nothing. Behind generation.sh in one shell. HISTORY is how many lines
# of the history are read, and with HEALTH=<seconds> each container of both colors is
# asked for its health too.
cd /var/lib/blue-green 2>/dev/null && if [ -s nginx.conf ]; then
    generation "$(color_of nginx.conf)"
    echo "canary $(sed -n 's/^ *\([0-9][0-9]*\)% 1;$/\1/p' nginx.conf)"
    awk '/^ *upstream (blue|green) {$/ { color = $2 } /^ *}/ { color = "" }
        color != "" && / resolve/ && !/ backup/ { count[color]++ }
        END { print "replicas", count["blue"] + 0, count["green"] + 0 }' nginx.conf
    sed -n 's|^ *location = /maintenance-[0-9a-f]*\.html {$|maintenance on|p' nginx.conf
    if [ -z "${HELD:-}" ] && [ -e lock ] && ! flock -n lock true; then printf 'busy %s\n' "$(head -n 1 holder 2>/dev/null)"; fi
    # awk, since a last line without its end would run into what is printed next, and a second line would pass for something else.
    if [ -s cutover.json ]; then awk 'NR == 1 { print "record " $0 }' cutover.json; fi
    if [ -s history.jsonl ]; then tail -n "${HISTORY:-1}" history.jsonl | awk '{ print "history " $0 }'; fi
    if [ "${HEALTH:-0}" -gt 0 ]; then
        echo "now $(date +%s)"
        # At the same time, since each may hang for as long as it may.
        if [ -n "$answer" ]; then
            each_health "$HEALTH" blue | sed 's/^/health /' &
            each_health "$HEALTH" green | sed 's/^/health /'
            wait
        fi
    fi
fi
