# Becomes the gate command $1, in whose process group it leaves a guard behind; runs where `pulumi up` does, not in a container. When
# descriptor 3 closes, since we are gone, the guard ends the group, which has $2 seconds from the request to end to its end. The guard is
# orphaned at once, as a command that waits for all of its children must not wait for it; and while it lives, the group's number can't
# become another group's.
(
    trap '' HUP INT TERM
    {
        read -r _
        kill -TERM -$$
        sleep "$2"
        kill -KILL -$$
    } <&3 >/dev/null 2>&1 &
)
exec /bin/sh -c "$1" 3<&-
