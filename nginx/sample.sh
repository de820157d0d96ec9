# Prints how color $2's containers are, what serves, and of the answers since byte $1: the bytes so far, how many came from that color, how
# many were 5xx, and milliseconds:count. Behind ask-health.sh in one shell. From $3 bytes on the watched answers are forgotten, so that a long watch can't fill the disk.
cd /var/lib/blue-green && size=$(wc -c <answers.log) || exit 1
each_health 2 "$2" | sed 's/^/health /'
echo "size $size"
echo "serves $(serves)"
tail -c "+$(($1 + 1))" answers.log | head -c "$((size - $1))" | awk -v color="$2" '
    $1 == color { count++; if ($2 >= 500) errors++; times[int($3 * 1000 + 0.5)]++ }
    END { printf "answers %d %d", count, errors; for (ms in times) printf " %d:%d", ms, times[ms]; print "" }'
if [ "$size" -gt "$3" ]; then true >answers.log; echo restarted; fi
