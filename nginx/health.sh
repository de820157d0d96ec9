# Asks a color's container $2 for its health until it is well, for some $1 seconds: port $3, path $4, as host $5 over scheme $6, well with
# the statuses $7. Prints how it was at last. Behind ask-health.sh in one shell.
cd /var/lib/blue-green || exit 1
port=$3
path=$4
host=$5
scheme=$6
statuses=$7
until=$(($(date +%s) + $1))
while :; do
    ask_container 2 "$2"
    case $seen in well*) break ;; esac
    [ "$(date +%s)" -lt "$until" ] || break
    sleep 0.2
done
echo "$seen"
