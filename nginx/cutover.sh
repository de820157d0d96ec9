# Moves the public, in one step that is done or not done. Runs inside the proxy's container (POSIX sh, with what the official
# nginx images bring), as
#   docker exec -i -e STEP -e APP_PORT -e HEALTH_PATH -e ANSWER_SECONDS -e VERIFY_REQUESTS -e KEEP_PREVIOUS -e RELOAD <proxy> sh -c "$SCRIPT"
# STEP move: with the rendered configuration on standard input. Exit 0: the color that it names answers every new request.
#            Any other exit: the configuration that served before serves still, and the reason is on standard error.
#            KEEP_PREVIOUS true: what a later `back` goes back to stays what it is.
#            RELOAD true: nginx reloads also where it has this configuration, since a file that it names has changed.
# STEP back: the configuration that WANTED names ("generation color") serves again, whatever a move has left behind.
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
# Another one may be at it whose caller was killed: it ends by itself.
lock_seconds=60

say() { echo "$*"; }
fail() {
    echo "$*" >&2
    exit 1
}

# Milliseconds since the host started.
now_ms() {
    read -r uptime _ </proc/uptime
    echo "${uptime%.*}${uptime#*.}0"
}

ask() { curl -q --silent --show-error --max-time 2 --noproxy '*' --header 'Connection: close' "$@"; }

# The generation and the color that every one of some fresh connections in a row met; each different answer is a line.
serving() { ask "$control/generation?[1-$readback_answers]" 2>/dev/null | sort -u || true; }

# The generation and the color that a configuration file names; nothing for a file that isn't there.
named_in() {
    generation=
    color=
    [ -f "$1" ] || return 0
    generation=$(sed -n 's/^ *return 200 "\([0-9a-f]\{16\}\) \$active\\n";$/\1/p' "$1")
    color=$(sed -n '/^ *map "" \$active {$/,/}/s/^ *default \(blue\|green\);$/\1/p' "$1")
}

# nginx is process 1 once the first configuration was there; before that the container waits for it.
nginx_runs() { tr '\0' ' ' </proc/1/cmdline | grep -q '^nginx: master'; }

# The workers that accept connections: one that a reload has retired says so in its title.
accepting_workers() {
    workers=$(grep -ls '^nginx: worker process' /proc/[0-9]*/cmdline) || return 0
    # shellcheck disable=SC2086 # file names, split on purpose
    grep -Ls 'shutting down' $workers || true
}

# Asks $1 for up to $2 seconds until it answers with 2xx; $seen is what came last.
wait_for_answer() {
    deadline=$(($(now_ms) + $2 * 1000))
    said=0
    while :; do
        seen=$(ask --output /dev/null --write-out '%{http_code} %{errormsg}' "$1" 2>/dev/null) || true
        case $seen in 2??*) return ;; esac
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

# Asks through the front, as the public does, for up to $1 seconds until VERIFY_REQUESTS fresh connections in a row met the new
# color and generation and were answered with 2xx; $seen is what else came last.
verify_front() {
    deadline=$(($(now_ms) + $1 * 1000))
    while :; do
        left=$(((deadline - $(now_ms)) / 1000))
        [ "$left" -gt 0 ] || return 1
        # A fragment is not sent: it only counts.
        seen=$(timeout "$left" curl -q --silent --noproxy '*' --header 'Connection: close' --output /dev/null --write-out '%{http_code} %header{x-color} %header{x-generation} %{errormsg}\n' \
            "http://127.0.0.1:8080$HEALTH_PATH#[1-$VERIFY_REQUESTS]" 2>/dev/null) || true
        met=$(echo "$seen" | grep -c "^2[0-9][0-9] $color $generation ") || true
        [ "$met" -lt "$VERIFY_REQUESTS" ] || return 0
        others=$(echo "$seen" | grep -v "^2[0-9][0-9] $color $generation " | sort | uniq -c | head -n 3 | tr -s ' \n' ' ')
        seen="$met did${others:+; others: $others}"
        sleep 0.1
    done
}

# Reload, then read back until every fresh connection meets the wanted generation and no worker of before accepts any more.
# `nginx -s reload` only signals, so its exit says nothing.
reload_and_read_back() {
    wanted=$1
    old=
    signalled=no
    deadline=$(($(now_ms) + readback_seconds * 1000))
    while :; do
        # In the very first run, nginx starts by itself once the configuration is there, this one or the one before it.
        if [ "$signalled" = no ] && nginx_runs; then
            old=$(accepting_workers)
            kill -HUP 1
            signalled=yes
        fi
        if retired "$old" && [ "$(serving)" = "$wanted" ]; then return; fi
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
    if [ ! -f "$previous" ]; then
        # Where the very first run failed nobody was served before, and the next one begins anew.
        if [ "$first" = yes ]; then rm -f "$current"; fi
        return 1
    fi
    named_in "$previous"
    put_in_place "$previous"
    if nginx_runs; then reload_and_read_back "$generation $color"; fi
}

# Whatever a move that was cut off has left: what $1 names is on disk and serves, or this fails.
settle() {
    named_in "$current"
    if [ "$generation $color" = "$1" ]; then
        if [ "$(serving)" = "$1" ]; then return; fi
        nginx -t -q -c "$current" && reload_and_read_back "$1"
        return
    fi
    named_in "$previous"
    [ "$generation $color" = "$1" ] || fail "the configuration of before ($1) is not on the proxy's volume any more."
    put_back
}

moved=no
first=no
seen=
finish() {
    status=$?
    trap - EXIT
    if [ "$moved" = yes ]; then put_back || true; fi
    rm -f "$next" "$next.received"
    exit "$status"
}
trap finish EXIT
trap 'exit 130' INT TERM HUP

# One step at a time. The lock goes with the process that holds it, so none can be left behind.
exec 9>"$dir/step.lock"
tries=$lock_seconds
until flock -n 9; do
    tries=$((tries - 1))
    [ "$tries" -gt 0 ] || fail "another step of a cutover has not ended in this proxy for $lock_seconds s."
    sleep 1
done

if [ "$STEP" = back ]; then
    settle "$WANTED"
    exit
fi

command -v curl >/dev/null || fail 'the nginx image has no curl, which the cutover reads back with.
Next: pulumi config set nginxImage <an image that has it, as the official ones do>'
version=$(nginx -v 2>&1 | sed -n 's|^nginx version: [^/]*/\([0-9][0-9]*\)\.\([0-9][0-9]*\)\.\([0-9][0-9]*\).*|\1 \2 \3|p')
# shellcheck disable=SC2086 # three numbers, split on purpose
set -- ${version:-0 0 0}
[ $(($1 * 1000000 + $2 * 1000 + $3)) -ge 1027004 ] ||
    fail "this is nginx $1.$2.$3; 1.27.4 or newer is needed, because an older one drops requests when it reloads (keepalive_min_timeout).
Next: pulumi config set nginxImage <a newer one>"

cat >"$next.received" || fail "the configuration can't be written to the proxy's volume.
Next: make room on the engine's disk (docker system df), then: pulumi up"
generation=$(sha256sum "$next.received" | cut -c1-16)
sed "s/@GENERATION@/$generation/" "$next.received" >"$next" || fail "the configuration can't be written to the proxy's volume.
Next: make room on the engine's disk (docker system df), then: pulumi up"
named_in "$next"
[ -n "$color" ] || fail 'the configuration names no active color.
Next: put nginx/nginx.conf.mustache back as it was (git diff nginx), then: pulumi up'
mkdir -p "$dir/tmp"

if ! words=$(nginx -t -q -c "$next" 2>&1); then
    fail "nginx refuses the configuration.
In nginx's own words:
$words
Next: mend nginx/nginx.conf.mustache (git diff nginx), then: pulumi up"
fi

before=
# The very first run makes the color and asks it in one; in a switch it has answered before, and the public is not left waiting.
front_seconds=$ANSWER_SECONDS
if nginx_runs; then before=$(serving); fi

if [ "$before" = "$generation $color" ] && [ "$RELOAD" != true ] && cmp -s "$next" "$current"; then
    say "$color is live already with this configuration; nothing to reload"
else
    if nginx_runs; then
        front_seconds=$((5 + VERIFY_REQUESTS / 50))
        # Through nginx's own upstream: an address that it has not looked up again yet must not pass. Directly, where the
        # configuration that serves now asks another port or path.
        target=http://$color:$APP_PORT$HEALTH_PATH
        if [ -n "$before" ] && grep -q "^ *server $color:$APP_PORT resolve[ ;]" "$current" &&
            grep -qF "proxy_pass http://$color$HEALTH_PATH;" "$current"; then
            target=$control/$color
        fi
        wait_for_answer "$target" "$ANSWER_SECONDS" ||
            fail "$color did not answer $HEALTH_PATH with 2xx within $ANSWER_SECONDS s (last seen: $seen)."
    fi

    if [ ! -f "$current" ]; then first=yes; fi
    if [ "$KEEP_PREVIOUS" != true ]; then
        # What serves is what is gone back to, and not a file that was never loaded, or would not load again.
        wanted="$generation $color"
        named_in "$current"
        if [ -z "$before" ] || [ "$generation $color" = "$before" ]; then
            rm -f "$previous"
            if nginx -t -q -c "$current" 2>/dev/null; then ln "$current" "$previous"; fi
        else
            named_in "$previous"
            [ "$generation $color" = "$before" ] || rm -f "$previous"
        fi
        generation=${wanted% *}
        color=${wanted#* }
    fi
    moved=yes
    put_in_place "$next"
    started=$(now_ms)
    reload_and_read_back "$generation $color" ||
        fail "nginx did not serve the new configuration within $readback_seconds s (it serves: $(serving))."
    say "$color is live: it answers every new connection, $(($(now_ms) - started)) ms after the reload"
fi

verify_front "$front_seconds" ||
    fail "through the front, $VERIFY_REQUESTS fresh connections in a row did not get 2xx from $color within $front_seconds s (of the last ones $seen)."
moved=no
