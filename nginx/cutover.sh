# The cutover. Runs inside the proxy's container (POSIX sh, with what the official nginx images bring), as
#   docker exec -i -e APP_PORT -e HEALTH_PATH -e HEALTH_SECONDS -e CONTAINERS <proxy> sh -c "$CUTOVER_SCRIPT"
# with the rendered configuration on standard input. Exit 0: the color that the configuration names answers every new
# request. Any other exit: the configuration that served before serves still, and the reason is on standard error.
# Running it again is always safe: what is done already is not done twice.
set -eu

dir=/var/lib/blue-green
current=$dir/nginx.conf
next=$dir/nginx.conf.next
previous=$dir/nginx.conf.previous
control=http://127.0.0.1:8081
readback_seconds=15
# Fresh connections in a row that must meet the new configuration, beside every old worker's own word that it accepts no more.
readback_answers=8

say() { echo "cutover: $*"; }
fail() {
    echo "cutover: $*" >&2
    exit 1
}

# Milliseconds since the host started.
now_ms() {
    read -r uptime _ </proc/uptime
    echo "${uptime%.*}${uptime#*.}0"
}

ask() { curl --silent --show-error --max-time 2 --noproxy '*' --header 'Connection: close' "$@"; }

# The generation and the color that every one of some fresh connections in a row met; each different answer is a line.
serving() { ask "$control/generation?[1-$readback_answers]" 2>/dev/null | sort -u || true; }

# nginx is process 1 once the first configuration was there; before that the container waits for it.
nginx_runs() { tr '\0' ' ' </proc/1/cmdline | grep -q '^nginx: master'; }

# The workers that accept connections: one that a reload has retired says so in its title.
accepting_workers() {
    workers=$(grep -ls '^nginx: worker process' /proc/[0-9]*/cmdline) || return 0
    # shellcheck disable=SC2086 # file names, split on purpose
    grep -Ls 'shutting down' $workers || true
}

# Asks $1 for up to $2 seconds until it answers with 2xx, and with X-Color $3 where that is given; $seen is what came last.
wait_for_answer() {
    deadline=$(($(now_ms) + $2 * 1000))
    said=0
    while :; do
        seen=$(ask --output /dev/null --write-out '%{http_code} %header{x-color} %{errormsg}' "$1" 2>/dev/null) || true
        case $seen in 2??" $3"*) return ;; esac
        seen=${seen#000 }
        waited=$(($2 - (deadline - $(now_ms)) / 1000))
        [ "$waited" -lt "$2" ] || return 1
        if [ "$waited" -ge $((said + 5)) ]; then
            said=$waited
            say "$color does not answer $HEALTH_PATH yet ($seen); waited $waited of $2 s"
        fi
        sleep 0.2
    done
}

# Reload, then read back until every fresh connection meets the wanted generation and no worker of before accepts any more.
# `nginx -s reload` only signals, so its exit says nothing.
reload_and_read_back() {
    wanted=$1
    if nginx_runs; then
        old=$(accepting_workers)
        kill -HUP 1
    else
        old=
    fi
    deadline=$(($(now_ms) + readback_seconds * 1000))
    until retired "$old" && [ "$(serving)" = "$wanted" ]; do
        [ "$(now_ms)" -lt "$deadline" ] || return 1
        sleep 0.05
    done
}

# Whether none of the workers of before accepts any more.
retired() {
    accepting=" $(accepting_workers | tr '\n' ' ')"
    for worker in $1; do
        case $accepting in *" $worker "*) return 1 ;; esac
    done
}

# The whole file is on the disk before it gets its name, so that a crash leaves one of the two configurations and never a part.
put_in_place() {
    sync "$1" 2>/dev/null || sync
    mv -f "$1" "$current"
}

put_back() {
    moved=no
    if [ -f "$previous" ]; then
        put_in_place "$previous"
        if ! nginx_runs || reload_and_read_back "$before"; then
            echo "cutover: the configuration of before is back and serves: ${before#* }" >&2
        else
            echo "cutover: the configuration of before is back on disk, but nginx did not confirm it within $readback_seconds s" >&2
        fi
    fi
}

moved=no
finish() {
    status=$?
    trap - EXIT
    if [ "$moved" = yes ]; then put_back; fi
    rm -f "$next" "$next.received"
    exit "$status"
}
trap finish EXIT
trap 'exit 130' INT TERM HUP

# One cutover at a time. The lock goes with the process that holds it, so none can be left behind.
exec 9>"$dir/lock"
flock -n 9 || fail 'another cutover runs in this proxy at this moment. Nothing was changed; run `pulumi up` again when it has ended.'

command -v curl >/dev/null || fail 'the nginx image has no curl, which the cutover reads back with. Next: pulumi config set nginxImage <an image that has it, as the official ones do>'
version=$(nginx -v 2>&1 | sed -n 's|^nginx version: [^/]*/\([0-9][0-9]*\)\.\([0-9][0-9]*\)\.\([0-9][0-9]*\).*|\1 \2 \3|p')
# shellcheck disable=SC2086 # three numbers, split on purpose
set -- ${version:-0 0 0}
[ $(($1 * 1000000 + $2 * 1000 + $3)) -ge 1027004 ] ||
    fail "this is nginx $1.$2.$3; 1.27.4 or newer is needed, because an older one drops requests when it reloads (keepalive_min_timeout). Next: pulumi config set nginxImage <a newer one>"

cat >"$next.received"
generation=$(sha256sum "$next.received" | cut -c1-16)
color=$(sed -n '/^ *map "" \$color {$/,/}/s/^ *default \(blue\|green\);$/\1/p' "$next.received")
[ -n "$color" ] || fail 'the configuration names no active color. Nothing was changed.'
sed "s/@GENERATION@/$generation/" "$next.received" >"$next"
mkdir -p "$dir/tmp"

if ! words=$(nginx -t -q -c "$next" 2>&1); then
    fail "nginx refuses the configuration. Nothing was changed. In nginx's own words:
$words"
fi

before=
# The very first run makes the color and asks it in one; in a switch it has answered before, and the public is not left waiting.
front_seconds=$HEALTH_SECONDS
if nginx_runs; then before=$(serving); fi

if [ "$before" = "$generation $color" ] && cmp -s "$next" "$current"; then
    say "$color is live already with this configuration; nothing to reload"
else
    if nginx_runs; then
        front_seconds=5
        # Through nginx's own upstream: an address that it has not looked up again yet must not pass. Directly, where the
        # configuration that serves now asks another port or path.
        target=http://$color:$APP_PORT$HEALTH_PATH
        if [ -n "$before" ] && grep -qF "server $color:$APP_PORT resolve;" "$current" &&
            grep -qF "proxy_pass http://$color$HEALTH_PATH;" "$current"; then
            target=$control/$color
        fi
        wait_for_answer "$target" "$HEALTH_SECONDS" "" ||
            fail "$color did not answer $HEALTH_PATH with 2xx within $HEALTH_SECONDS s (last seen: $seen). Nothing was changed: ${before#* } serves.
Next: docker logs --tail 30 $CONTAINERS$color; or stay: pulumi config set activeColor ${before#* }"
    fi

    rm -f "$previous"
    if [ -f "$current" ]; then ln "$current" "$previous"; fi
    moved=yes
    put_in_place "$next"
    started=$(now_ms)
    reload_and_read_back "$generation $color" ||
        fail "nginx did not serve the new configuration within $readback_seconds s (it serves: $(serving)).
Next: docker logs --tail 30 ${CONTAINERS}proxy"
    say "$color is live: it answers every new connection, $(($(now_ms) - started)) ms after the reload"
fi

wait_for_answer "http://127.0.0.1:8080$HEALTH_PATH" "$front_seconds" "$color" ||
    fail "$color is chosen, but through the front $HEALTH_PATH did not answer with 2xx from it within $front_seconds s (last seen: $seen).
Next: docker logs --tail 30 $CONTAINERS$color"
moved=no
