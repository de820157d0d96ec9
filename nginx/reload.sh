# How nginx gets another configuration in one step that is done or not done: cutover.sh and gateway.sh go on from here, in the same shell.
# Runs inside the container (POSIX sh, with what the official nginx images bring).
# They say by `named_in` which $generation and $color a configuration file names; of a gateway's, the second is a word of its own.
set -eu

dir=/var/lib/blue-green
current=$dir/nginx.conf
next=$dir/nginx.conf.next
previous=$dir/nginx.conf.previous
# What nginx says of $next; in memory, since the volume may be full.
words=/run/nginx.conf.words
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

# Milliseconds since the host started, as $now. Here and below no process is started where the shell can do it: on a busy machine each
# one costs a switch some milliseconds.
look_at_clock() {
    read -r now _ </proc/uptime
    now=${now%.*}${now#*.}0
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
    look_at_clock
    if [ $((now - $1)) -gt "$pace_ms" ]; then pace_ms=$((now - $1)); fi
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

# Reads the title that process $1 gives itself, as $title: it ends with the first byte 0. Nothing of a process that has just ended.
read_title() {
    title=
    { read -r title <"/proc/$1/cmdline"; } 2>/dev/null || true
}

# nginx is process 1 once the first configuration was there; before that the container waits for it.
nginx_runs() {
    read_title 1
    case $title in 'nginx: master'*) ;; *) return 1 ;; esac
}

# The workers that accept connections, as $workers, each by its number between two blanks: one that a reload has retired says so in its title.
find_workers() {
    workers=' '
    for found in /proc/[0-9]*; do
        read_title "${found#/proc/}"
        case $title in
        *'shutting down'*) ;;
        'nginx: worker process'*) workers="$workers${found#/proc/} " ;;
        esac
    done
}

# Who serves $1, for the time when they have no connection left to be asked over (see ask.sh): the workers, each with its start.
note_workers() {
    find_workers
    noted=$1
    for worker in $workers; do
        { read -r stat <"/proc/$worker/stat"; } 2>/dev/null || continue
        # shellcheck disable=SC2086 # words, split on purpose; the 22nd is the start
        set -- $stat
        noted="$noted
$1 ${22}"
    done
    { echo "$noted" >/run/serving; } 2>/dev/null || rm -f /run/serving
}

# Reload, then read back until no worker of before accepts any more, and every fresh connection meets the wanted generation.
# `nginx -s reload` only signals, so its exit says nothing.
reload_and_read_back() {
    wanted=$1
    old=
    signalled=no
    look_at_clock
    started=$now
    asked=$now
    while :; do
        # In the very first run, nginx starts by itself once the configuration is there, this one or the one before it.
        if [ "$signalled" = no ] && nginx_runs; then
            find_workers
            old=$workers
            kill -HUP 1
            signalled=yes
            # nginx gives the new workers so long before it retires the old ones. Meanwhile it leaves a busy machine to others.
            check_previous
            sleep 0.1
        fi
        find_workers
        retired=yes
        for worker in $old; do
            case $workers in *" $worker "*) retired=no ;; esac
        done
        look_at_clock
        # Asking costs more than looking: an old worker that stays is asked about now and then, for whoever waits.
        if [ "$retired" = yes ] || [ $((now - asked)) -ge 100 ]; then
            asked=$now
            answer=$(serving)
            # Without an answer nothing was measured.
            if [ -n "$answer" ]; then note_pace "$asked"; else look_at_clock; fi
            case $answer in *"$wanted"*)
                # The caller, should this be taken back, can tell whether anybody met it and for how long.
                if [ "$announce" = yes ]; then say "the public meets the new configuration, $((now - started)) ms after the reload"; fi
                announce=no
                ;;
            esac
            # In this order: once the old workers accept no more, nobody can meet another configuration than these answers tell.
            if [ "$answer" = "$wanted" ] && [ "$retired" = yes ]; then
                note_workers "$wanted"
                return
            fi
        fi
        [ $((now - started)) -lt $((readback_seconds * 1000)) ] || [ $((now - started)) -lt $(($(allowed "$readback_seconds") * 1000)) ] ||
            return 1
        sleep 0.01
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
    settle_previous
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
# not load again: `check_previous` has nginx say that while it reloads, and `settle_previous` goes by it before anybody goes back.
keep_previous() {
    wanted="$generation $color"
    named_in "$current"
    if [ -f "$current" ] && { [ -z "$1" ] || [ "$generation $color" = "$1" ]; }; then
        rm -f "$previous"
        ln "$current" "$previous"
        previous_check=due
    else
        named_in "$previous"
        [ "$generation $color" = "$1" ] || rm -f "$previous"
    fi
    generation=${wanted% *}
    color=${wanted#* }
}

check_previous() {
    [ "$previous_check" = due ] || return 0
    nginx -t -q -c "$previous" 2>/dev/null &
    previous_check=$!
}

settle_previous() {
    check_previous
    [ -n "$previous_check" ] || return 0
    wait "$previous_check" || rm -f "$previous"
    previous_check=
}

# That this image has what is needed beside nginx.
require_curl() {
    command -v curl >/dev/null || fail 'the nginx image has no curl, which the cutover reads back with.
Next: pulumi config set nginxImage <an image that has it, as the official ones do>'
}

# That nginx can do what is asked of it; $1 is how it names itself: `nginx version: nginx/1.30.6`. Some builds have another name, or more
# behind it.
require_version() {
    version=${1#*nginx version: }
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

# Starts nginx's check of $next, in whose words its version comes first.
start_check() {
    [ -d "$dir/tmp" ] || mkdir -p "$dir/tmp"
    nginx -v -t -q -c "$next" 2>"$words" &
    next_check=$!
}

# Waits until nginx has nothing against $next; $1 is the template that it was made from.
check_next() {
    refused=no
    wait "$next_check" || refused=yes
    said=
    read -r said <"$words" || true
    require_version "$said"
    [ "$refused" = no ] || fail "nginx refuses the configuration.
In nginx's own words:
$(tail -n +2 "$words")
Next: mend nginx/$1 (git diff nginx), then: pulumi up"
}

# The configuration in $next serves, or this fails.
take_next() {
    moved=yes
    put_in_place "$next"
    announce=yes
    reload_and_read_back "$generation $color" ||
        fail "nginx did not serve the new configuration within $(allowed "$readback_seconds") s (it serves: $(serving))."
    took_ms=$((now - started))
    settle_previous
}

previous_check=
moved=no
announce=no
first=no
finish() {
    status=$?
    trap - EXIT
    if [ "$moved" = yes ]; then put_back || true; fi
    rm -f "$next" "$next.received" "$next.introduces" "$words"
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
