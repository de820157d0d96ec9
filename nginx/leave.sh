# Ends the proxy $PROXY of a host that the stack leaves, before the colors that it sends requests to: it takes no new ones, and has $SECONDS_LEFT
# seconds to answer those that it has. One that serves nothing, or is gone, and an engine that does not answer are left to what comes next.
docker exec "$PROXY" test -s /var/lib/blue-green/nginx.conf 2>/dev/null || exit 0
docker stop --time "$SECONDS_LEFT" "$PROXY" >/dev/null 2>&1
exit 0
