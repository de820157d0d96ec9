# Process 1 of the container that serves the metrics: nginx, and a loop beside it that keeps the log of requests short and asks each color
# how it is. CONF is nginx's configuration, PROXY the proxy's name on the network, MTAIL that of the container that counts, PAGE the names of
# the page's files, and PAGE_1 and so on what is in them. Behind well.sh in one shell.
directory=/var/lib/blue-green
root=/tmp/page
most_log_bytes=67108864
every_seconds=15

# While the files of this hundred seconds and the next are there, the proxy's nginx writes its log; those of before are removed.
keep_metered() {
    hundred=$(($(date +%s) / 100))
    mkdir -p "$directory/metered"
    for one in "$hundred" $((hundred + 1)); do [ -e "$directory/metered/$one" ] || true >"$directory/metered/$one"; done
    for one in "$directory"/metered/*; do [ "${one##*/}" -ge "$hundred" ] || rm -f "$one"; done
    # mtail has read all of it but for the last quarter of a second, and begins again at the start.
    if [ "$(wc -c <"$directory/requests.log" 2>/dev/null || echo 0)" -gt "$most_log_bytes" ]; then true >"$directory/requests.log"; fi
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

# Whether the URL $1 is answered: 1 or 0.
answers() { if curl -q --silent --fail --noproxy '*' --max-time 2 --output /dev/null "$1"; then echo 1; else echo 0; fi; }

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
    about blue_green_source_up '0: this part of the page is missing, since the proxy or mtail did not answer'
    echo "blue_green_source_up{source=\"proxy\"} $(answers "http://$PROXY:8084/generation")"
    echo "blue_green_source_up{source=\"mtail\"} $(answers "http://$MTAIL:3903/metrics")"
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

printf '%s\n' "$CONF" >/tmp/nginx.conf
unpack_page
keep_metered
{
    while :; do
        keep_metered
        say_colors >/tmp/colors.next && mv -f /tmp/colors.next /tmp/colors.prom
        sleep "$every_seconds"
    done
} &
exec nginx -c /tmp/nginx.conf -g 'daemon off;'
