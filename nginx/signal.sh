# Sends the signal $2 to each process in this container that has $1 in its environment. The engine passes none on to what `docker exec`
# has started, and it goes on after the client has ended.
sent=1
for process in /proc/[0-9]*; do
    if grep -qF "$1" "$process/environ" 2>/dev/null && kill -s "$2" "${process#/proc/}" 2>/dev/null; then sent=0; fi
done
exit "$sent"
