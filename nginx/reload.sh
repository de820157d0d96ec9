# How nginx gets another configuration in one step that is done or not done: cutover.sh and gateway.sh go on from here, in the same shell.
# Runs inside the container (POSIX sh, with what the official nginx images bring).
# They say by `named_in` which $generation and $color a configuration file names; of a gateway's, the second is a word of its own.
set -eu

dir=/var/lib/blue-green
current=$dir/nginx.conf
next=$dir/nginx.conf.next
previous=$dir/nginx.conf.previous
control=http://127.0.0.1:8081
readback_seconds=15
# How long nginx took to say which configuration it has, at its slowest: what a machine at rest does in some 30 ms takes seconds on a
# busy one, and all that is waited for below grows with it, up to this bound.
pace_ms=0
most_seconds=60
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

# So many seconds of a machine at rest are these on this one.
allowed() {
    more=$((pace_ms / 50))
    room=$((most_seconds > $1 ? most_seconds - $1 : 0))
    echo $(($1 + (more < room ? more : room)))
}

# What took since $1 is the pace, where it is the slowest so far.
note_pace() {
    passed=$(($(now_ms) - $1))
    if [ "$passed" -gt "$pace_ms" ]; then pace_ms=$passed; fi
}

# The generation and the color that every one of some fresh connections in a row met; each different answer is a line.
serving() {
    ask "$control/generation?[1-$readback_answers]" 2>/dev/null | {
        lines=
        while read -r line; do
            case $lines in *"<$line>"*) continue ;; esac
            lines="$lines<$line>"
            echo "$line"
        done
    } || true
}

# nginx is process 1 once the first configuration was there; before that the container waits for it.
nginx_runs() { case $(tr '\0' ' ' </proc/1/cmdline) in 'nginx: master'*) ;; *) return 1 ;; esac }

# The workers that accept connections: one that a reload has retired says so in its title.
accepting_workers() {
    workers=$(grep -ls '^nginx: worker process' /proc/[0-9]*/cmdline) || return 0
    # shellcheck disable=SC2086 # file names, split on purpose
    grep -Ls 'shutting down' $workers || true
}

# Who serves $1, for the time when they have no connection left to be asked over (see serving.ts): the workers, each with its start.
note_workers() {
    { echo "$1" && accepting_workers | sed 's/cmdline$/stat/' | xargs -r cut -d ' ' -f 1,22; } >/run/serving 2>/dev/null ||
        rm -f /run/serving
}

# Reload, then read back until every fresh connection meets the wanted generation and no worker of before accepts any more.
# `nginx -s reload` only signals, so its exit says nothing.
reload_and_read_back() {
    wanted=$1
    old=
    signalled=no
    started=$(now_ms)
    while :; do
        # In the very first run, nginx starts by itself once the configuration is there, this one or the one before it.
        if [ "$signalled" = no ] && nginx_runs; then
            old=$(accepting_workers)
            kill -HUP 1
            signalled=yes
        fi
        asked=$(now_ms)
        answer=$(serving)
        # Without an answer nothing was measured.
        if [ -n "$answer" ]; then note_pace "$asked"; fi
        case $answer in *"$wanted"*)
            # The caller, should this be taken back, can tell whether anybody met it and for how long.
            if [ "$announce" = yes ]; then say "the public meets the new configuration, $(($(now_ms) - started)) ms after the reload"; fi
            announce=no
            ;;
        esac
        # In this order: once the old workers accept no more, nobody can meet another configuration than these answers told.
        if [ "$answer" = "$wanted" ] && retired "$old"; then
            note_workers "$wanted"
            return
        fi
        [ $(($(now_ms) - started)) -lt $(($(allowed "$readback_seconds") * 1000)) ] || return 1
        sleep 0.02
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
    announce=no
    if [ ! -f "$previous" ]; then
        # Where the very first run failed nobody was served before, and the next one begins anew.
        if [ "$first" = yes ]; then rm -f "$current"; fi
        return 1
    fi
    named_in "$previous"
    put_in_place "$previous"
    # Also where nginx is only starting: it may have read the other file already.
    reload_and_read_back "$generation $color"
}

# What serves ($1: generation and color, empty for nothing) is what is gone back to, and not a file that was never loaded, or would
# not load again.
keep_previous() {
    wanted="$generation $color"
    named_in "$current"
    if [ -z "$1" ] || [ "$generation $color" = "$1" ]; then
        rm -f "$previous"
        if wait "$current_check"; then ln "$current" "$previous"; fi
    else
        named_in "$previous"
        [ "$generation $color" = "$1" ] || rm -f "$previous"
    fi
    generation=${wanted% *}
    color=${wanted#* }
}

# That this image's nginx can do what is asked of it.
require_nginx() {
    command -v curl >/dev/null || fail 'the nginx image has no curl, which the cutover reads back with.
Next: pulumi config set nginxImage <an image that has it, as the official ones do>'
    # `nginx version: nginx/1.30.6`; some builds have another name, or more behind it.
    version=$(nginx -v 2>&1)
    version=${version#*nginx version: }
    version=${version#*/}
    version=${version%%[!0-9.]*}
    old_ifs=$IFS
    IFS=.
    # shellcheck disable=SC2086 # numbers, split on purpose
    set -- ${version:-0.0.0}
    IFS=$old_ifs
    [ $(($1 * 1000000 + ${2:-0} * 1000 + ${3:-0})) -ge 1027004 ] ||
        fail "this is nginx $version; 1.27.4 or newer is needed, because an older one drops requests when it reloads (keepalive_min_timeout).
Next: pulumi config set nginxImage <a newer one>"
}

# The configuration on standard input becomes $next, with its generation in it.
receive() {
    cat >"$next.received" || fail "the configuration can't be written to the proxy's volume.
Next: make room on the engine's disk (docker system df), then: pulumi up"
    generation=$(sha256sum "$next.received")
    generation=$(printf %.16s "$generation")
    sed "s/@GENERATION@/$generation/" "$next.received" >"$next" || fail "the configuration can't be written to the proxy's volume.
Next: make room on the engine's disk (docker system df), then: pulumi up"
    named_in "$next"
}

# Starts nginx's check of $next and of $current, side by side, since a switch waits for both.
start_checks() {
    mkdir -p "$dir/tmp"
    nginx -t -q -c "$next" 2>"$next.words" &
    next_check=$!
    nginx -t -q -c "$current" 2>/dev/null &
    current_check=$!
}

# Waits until nginx has nothing against $next; $1 is the template that it was made from.
check_next() {
    if ! wait "$next_check"; then
        fail "nginx refuses the configuration.
In nginx's own words:
$(cat "$next.words")
Next: mend nginx/$1 (git diff nginx), then: pulumi up"
    fi
}

# The configuration in $next serves, or this fails.
take_next() {
    moved=yes
    put_in_place "$next"
    announce=yes
    reload_and_read_back "$generation $color" ||
        fail "nginx did not serve the new configuration within $(allowed "$readback_seconds") s (it serves: $(serving))."
    took_ms=$(($(now_ms) - started))
}

moved=no
announce=no
first=no
finish() {
    status=$?
    trap - EXIT
    if [ "$moved" = yes ]; then put_back || true; fi
    rm -f "$next" "$next.received" "$next.introduces" "$next.words"
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
