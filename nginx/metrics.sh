# Process 1 of the container that serves the metrics: nginx, and three loops beside it. One counts the requests and keeps their log short, one
# asks each color how it is and looks at the proxy's volume, and one looks what the containers take. CONF is nginx's configuration, PROXY the
# proxy's name on the network, PAGE the names of the page's files, and PAGE_1 and so on what is in them. Behind requests.sh in one shell.
directory=/var/lib/blue-green
root=/tmp/page
every_seconds=15

# While the files of this hundred seconds and the next are there, the proxy's nginx writes its log; those of before are removed.
keep_metered() {
    hundred=$(($(date +%s) / 100))
    mkdir -p "$directory/metered"
    for one in "$hundred" $((hundred + 1)); do [ -e "$directory/metered/$one" ] || true >"$directory/metered/$one"; done
    for one in "$directory"/metered/*; do [ "${one##*/}" -ge "$hundred" ] || rm -f "$one"; done
}

# Sets $ready, $why and $seconds for color $1, asked on the way that visitors take.
ask_color() {
    standard "$1" "$directory/nginx.conf"
    seconds=0
    ready=0
    # The configuration sends nobody there, and nginx would write an error each time.
    why='stopped or removed'
    [ -n "$port" ] || return 0
    answer=$(curl -q --silent --noproxy '*' --max-time 5 --output /dev/null \
        --write-out '%{http_code} %{time_total}\t%header{location}' "http://$PROXY:8084/$1") || true
    answer=${answer:-000 0}
    location=${answer#*"$tab"}
    answer=${answer%%"$tab"*}
    status=${answer%% *}
    seconds=${answer#* }
    why=
    if well "$status" "$location"; then
        ready=1
    else
        case $status in 000) why='no answer' ;; *) why="status $status" ;; esac
    fi
}

# A metric's first two lines.
about() { printf '# HELP %s %s\n# TYPE %s gauge\n' "$1" "$2" "$1"; }

say_colors() {
    ask_color blue
    blue_ready="{color=\"blue\",why=\"$why\"} $ready"
    blue_seconds=$seconds
    ask_color green
    about blue_green_ready '1: the color answered its health path well; 0: it did not, and why'
    echo "blue_green_ready$blue_ready"
    echo "blue_green_ready{color=\"green\",why=\"$why\"} $ready"
    about blue_green_health_seconds 'how long that answer took'
    echo "blue_green_health_seconds{color=\"blue\"} $blue_seconds"
    echo "blue_green_health_seconds{color=\"green\"} $seconds"
    about blue_green_asked_timestamp_seconds 'when the colors were asked: a minute ago or longer says that nobody asks any more'
    echo "blue_green_asked_timestamp_seconds $(date +%s)"
    about blue_green_source_up '0: this part of the page is missing, since the proxy did not answer or the log of requests is not read'
    # What nginx says that it serves.
    told=$(curl -q --silent --fail --noproxy '*' --max-time 2 "http://$PROXY:8084/generation") || true
    if [ -n "$told" ]; then answers=1; else answers=0; fi
    echo "blue_green_source_up{source=\"proxy\"} $answers"
    echo "blue_green_source_up{source=\"requests\"} $(requests_are_read)"
}

# Writes the page's files, which no program after this one has to carry about.
unpack_page() {
    mkdir -p "$root"
    at=0
    for name in $PAGE; do
        at=$((at + 1))
        printenv "PAGE_$at" >"$root/$name"
        unset "PAGE_$at"
    done
}

serves() { echo "$told"; }

# Compares what nginx told with what its file says, as whoever reads the proxy does (generation.sh). Without an answer nobody can tell.
say_configuration() {
    if [ -z "$told" ] || [ ! -s "$directory/nginx.conf" ]; then return; fi
    served=
    written=
    while read -r word text; do
        case $word in answer) served=$text ;; file) written=$text ;; esac
    done <<SAID
$(cd "$directory" && generation "$(color_of nginx.conf)")
SAID
    about blue_green_configuration_edited '1: the proxy serves another configuration than its file has: somebody changed that by hand'
    if [ "$served" = "$written" ]; then echo 'blue_green_configuration_edited 0'; else echo 'blue_green_configuration_edited 1'; fi
}

# The disk that the proxy's volume is on. From the end of the line, since what is mounted there may have spaces in its name.
say_volume() {
    df -Pk "$directory" | awk '
        function say(metric, help, kilobytes) { printf "# HELP %s %s\n# TYPE %s gauge\n%s %.0f\n", metric, help, metric, metric, kilobytes * 1024 }
        NR == 2 && $(NF - 2) ~ /^[0-9]+$/ && $(NF - 4) ~ /^[0-9]+$/ {
            say("blue_green_volume_free_bytes", "room that is left on the disk of the proxy\047s volume", $(NF - 2))
            say("blue_green_volume_size_bytes", "how large that disk is", $(NF - 4))
        }'
}

printf '%s\n' "$CONF" >/tmp/nginx.conf
unpack_page
recall_requests
keep_metered
follow_requests
# Where this loop ends, nginx stops writing its log.
{
    looks=0
    while :; do
        sleep 1
        follow_requests
        looks=$((looks + 1))
        if [ "$looks" -ge "$every_seconds" ]; then
            keep_metered
            looks=0
        fi
    done
} &
{
    while :; do
        { say_colors && say_configuration && say_volume; } >/tmp/colors.next && mv -f /tmp/colors.next /tmp/colors.prom
        sleep "$every_seconds"
    done
} &
# A name server that hangs must not hold up the other ones.
{
    find_cgroups
    recall
    while :; do
        # Old figures would pass for new ones.
        if say_containers >/tmp/containers.next; then mv -f /tmp/containers.next /tmp/containers.prom; else rm -f /tmp/containers.prom; fi
        sleep "$every_seconds"
    done
} &
exec nginx -c /tmp/nginx.conf -g 'daemon off;'
