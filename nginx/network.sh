# Names the containers on the network $NETWORK that the stack did not make; $OWN says which names its own ones have. Runs where
# `pulumi destroy` does. An engine that does not answer, or no client, is left to what comes next: then nothing is known of the network,
# and nothing would be destroyed either.
others() {
    docker network inspect --format '{{range .Containers}}{{println .Name}}{{end}}' "$NETWORK" 2>/dev/null | grep . | grep -vxE "$OWN"
}
# Containers that end in the same `pulumi destroy`, as those of a program's own, have so long to leave.
leave_seconds=5
waited=0
while names=$(others) && [ "$waited" -lt "$leave_seconds" ]; do sleep 1; waited=$((waited + 1)); done
if [ -z "$names" ]; then exit 0; fi
{
    # shellcheck disable=SC2086 # names of containers, to be on one line
    echo "The network $NETWORK can't be removed: these containers are on it, and this stack did not make them:" $names
    echo "Nothing was touched. Next:"
    for name in $names; do echo "  docker network disconnect --force $NETWORK $name"; done
    echo "  pulumi destroy"
} >&2
exit 1
