# Changes the gateway's routes, in one step that is done or not done. Runs inside its container, behind reload.sh in one shell, with the
# rendered configuration on standard input. BLUE_GREEN_FILE_TLSCERTIFICATE and BLUE_GREEN_FILE_TLSKEY are the files that it names: a line
# with the name, then the content.
# Exit 0: the configuration serves, and no old worker accepts connections any more. Any other exit: the one of before serves still, and
# the reason is on standard error. Running it again is always safe.

# The generation that a configuration file names, and the word that stands beside it; nothing for a file that isn't there.
named_in() {
    generation=
    color=
    [ -f "$1" ] || return 0
    generation=$(sed -n 's/^ *return 200 "\([0-9a-f]\{16\}\) routes\\n";$/\1/p' "$1")
    color=routes
}

# Keys are read by the master alone.
put_file() {
    [ -n "$1" ] || return 0
    name=$(printf '%s\n' "$1" | head -n 1)
    mkdir -p "$dir/files"
    # shellcheck disable=SC2015 # either of the two that fails is told
    (umask 077 && printf '%s\n' "$1" | tail -n +2 >"$dir/files/.next") && mv -f "$dir/files/.next" "$dir/files/$name" ||
        fail "the file $name can't be written to the gateway's volume.
Next: make room on the engine's disk (docker system df), then: pulumi up"
}

# What neither the configuration that serves nor the one before it names is not needed any more.
prune() {
    for kept in "$dir"/files/*; do
        [ ! -f "$kept" ] || grep -qsF "${kept##*/}" "$current" "$previous" || rm -f "$kept"
    done
}

require_curl
put_file "${BLUE_GREEN_FILE_TLSCERTIFICATE:-}"
put_file "${BLUE_GREEN_FILE_TLSKEY:-}"
receive
start_check

before=
if nginx_runs; then before=$(serving); fi
check_next gateway.conf.mustache
if [ "$before" = "$generation $color" ] && cmp -s "$next" "$current"; then
    say "the gateway has these routes already; nothing to reload"
else
    if [ ! -f "$current" ]; then first=yes; fi
    keep_previous "$before"
    take_next
    say "the gateway has these routes: each new connection meets them, $took_ms ms after the reload"
fi
moved=no
prune
