# Moves the public, in one step that is done or not done. Runs inside the proxy's container (POSIX sh, with what the official
# nginx images bring), behind reload.sh in one shell; the variables are its environment. The lock's holder starts a move (write.sh), and
# `docker exec` a way back.
# STEP move, with ANSWER_SECONDS and VERIFY_REQUESTS: with the rendered configuration on standard input. Exit 0: the color that it names answers every new request.
#            Any other exit: the configuration that served before serves still, and the reason is on standard error.
#            KEEP_PREVIOUS true: what a later `back` goes back to stays what it is.
#            RELOAD true: nginx reloads also where it has this configuration, since a file that it names has changed.
# STEP check: the same without moving anybody: nginx has nothing against the configuration, and the color that it names answers.
# STEP back: the configuration that WANTED names ("generation color") serves again, whatever a move has left behind.
#            LAST true: a move of the same lock that comes later is refused.
# Running it again is always safe: what is done already is not done twice.

# The generation and the color that a configuration file names; nothing for a file that isn't there.
named_in() {
    generation=
    color=
    [ -f "$1" ] || return 0
    # shellcheck disable=SC2013 # two words at most
    for word in $(sed -n -e 's/^ *return 200 "\([0-9a-f]\{16\}\) \$active\\n";$/generation=\1/p' \
        -e '/^ *map "" \$active {$/,/}/s/^ *default \(blue\|green\);$/color=\1/p' "$1"); do
        case $word in color=*) color=${word#*=} ;; *) generation=${word#*=} ;; esac
    done
}

# Asks $1 for up to $2 seconds until its answer is well by what `standard` has read; $seen is what came last.
wait_for_answer() {
    look_at_clock
    deadline=$((now + $2 * 1000))
    told=0
    while :; do
        seen=$(ask --output /dev/null --header "Host: $host" --header "X-Forwarded-Proto: $scheme" \
            --write-out '%{http_code} %{errormsg}\t%header{location}' "$1" 2>/dev/null) || true
        location=${seen#*"$tab"}
        seen=${seen%%"$tab"*}
        if well "${seen%% *}" "$location"; then return; fi
        seen=${seen#000 }
        seen=${seen% }${location:+, to ${location%%[?#]*}}
        look_at_clock
        waited=$(($2 - (deadline - now) / 1000))
        [ "$waited" -lt "$2" ] || return 1
        if [ "$waited" -ge $((told + 5)) ]; then
            told=$waited
            say "answer $waited/$2 s, not yet: $seen ($color $path)"
        fi
        sleep 0.2
    done
}

# Whether an answer through the front is the new color's and configuration's, and well: $1 is its status, color and generation, curl's
# words, and, behind a tab, where it redirects to.
is_met() {
    case $1 in ???" $color $generation "*) well "${1%% *}" "${1#*"$tab"}" ;; *) return 1 ;; esac
}

# Asks through the front, as the public does, until VERIFY_REQUESTS fresh connections in a row met the new color and generation and
# were answered well; $seen is what else came last. Wrong answers may come for $1 seconds, which is also the longest that one may
# take. Right ones that are slow, as on a busy machine, are waited for up to $most_seconds.
verify_front() {
    look_at_clock
    began=$now
    while :; do
        left=$((most_seconds - (now - began) / 1000))
        if [ "$left" -lt "$1" ]; then left=$1; fi
        # A fragment is not sent: it only counts.
        answers=$(timeout "$left" curl -q --silent --fail-early --max-time "$1" --noproxy '*' --header 'Connection: close' \
            --header "Host: $host" --output /dev/null \
            --write-out '%{http_code} %header{x-color} %header{x-generation} %{errormsg}\t%header{location}\n' \
            "http://127.0.0.1:8080$path#[1-$VERIFY_REQUESTS]" 2>/dev/null) || true
        met=0
        others=
        while IFS= read -r line; do
            if is_met "$line"; then met=$((met + 1)); else others="$others$line
"; fi
        done <<ANSWERS
$answers
ANSWERS
        [ "$met" -lt "$VERIFY_REQUESTS" ] || return 0
        others=$(printf %s "$others" | sort | uniq -c | head -n 3 | tr -s ' \n\t' '   ')
        seen="$met did${others:+; others: $others}"
        look_at_clock
        [ $((now - began)) -lt $(($1 * 1000)) ] || return 1
        sleep 0.1
    done
}

# How nginx asks color $1 for its health by the configuration in file $2, and where it reaches it.
asked_by() { sed -n -e "/^ *upstream $1 {\$/,/}/{/^ *server $1:/p;}" -e "/^ *location = \/$1 {\$/,/}/p" "$2"; }

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
    # A move that was killed may have left one that it had not checked yet.
    nginx -t -q -c "$previous" || fail "nginx refuses the configuration of before ($1)."
    put_back
}

# Colors that get visitors by $next, and that $current does not lead to: they were stopped or removed while idle.
coming_colors() {
    grep -q '^ *server 127\.0\.0\.1:8081 down;' "$current" || return 0
    for comes in blue green; do
        if [ "$comes" != "$color" ] && ! grep -q '^ *split_clients ' "$next"; then continue; fi
        if grep -q "^ *server $comes:[0-9]* resolve" "$next" && ! grep -q "^ *server $comes:[0-9]* resolve" "$current"; then
            echo "$comes"
        fi
    done
}

# After a reload nginx looks up an address that it does not have yet, and until then it answers 502. It takes along the addresses that
# it has. So $1 comes in first, by the same configuration with everybody still on $2, and visitors follow once nginx reaches it.
introduce() {
    wanted_next="$generation $color"
    sed -e "/^ *map \"\" \$active {\$/,/}/s/^\( *default \)[a-z]*;\$/\1$2;/" \
        -e "/^ *map \$generation \$color {\$/,/}/s/^\( *\"\" *\).*;\$/\1$2;/" "$next.received" >"$next.introduces"
    generation=$(sha256sum "$next.introduces" | cut -c1-16)
    color=$2
    sed -i "s/@GENERATION@/$generation/" "$next.introduces"
    moved=yes
    put_in_place "$next.introduces"
    reload_and_read_back "$generation $color" ||
        fail "nginx did not serve the configuration that $1 is new in within $(allowed "$readback_seconds") s (it serves: $(serving))."
    color=$1
    standard "$color" "$next"
    wait_for_answer "$control/$1" "$(allowed 5)" ||
        fail "nginx did not reach $1 within $(allowed 5) s after it came up (last seen: $seen)."
    generation=${wanted_next% *}
    color=${wanted_next#* }
    standard "$color" "$next"
}

seen=
last=/run/taken-back
if [ "$STEP" = back ]; then
    if [ "${LAST:-}" = true ]; then true >"$last"; fi
    # shellcheck disable=SC2153 # not the $wanted of reload.sh
    settle "$WANTED"
    exit
fi

require_curl
[ ! -e "$last" ] || fail 'this cutover was taken back already.'
receive
[ -n "$color" ] || fail 'the configuration names no active color.
Next: put nginx/nginx.conf.mustache back as it was (git diff nginx), then: pulumi up'
start_check
standard "$color" "$next"
if [ -z "$port" ] || [ -z "$path" ]; then
    check_next nginx.conf.mustache
    fail "the configuration does not say how $color is asked for its health.
Next: put nginx/nginx.conf.mustache back as it was (git diff nginx), then: pulumi up"
fi

before=
# The very first run makes the color and asks it in one; in a switch it has answered before, and the public is not left waiting.
front_seconds=$ANSWER_SECONDS
if nginx_runs; then
    look_at_clock
    asked=$now
    before=$(serving)
    note_pace "$asked"
fi
live=

if [ "$before" = "$generation $color" ] && [ "$RELOAD" != true ] && cmp -s "$next" "$current"; then
    check_next nginx.conf.mustache
    [ "$STEP" != check ] || exit 0
    say "$color is live already with this configuration; nothing to reload"
else
    if nginx_runs; then
        front_seconds=$((5 + VERIFY_REQUESTS / 50))
        # Through nginx's own upstream: an address that it has not looked up again yet must not pass. Directly, where the
        # configuration that serves now asks in another way.
        target=http://$color:$port$path
        if [ -n "$before" ] && [ "$(asked_by "$color" "$current")" = "$(asked_by "$color" "$next")" ]; then target=$control/$color; fi
        wait_for_answer "$target" "$ANSWER_SECONDS" || {
            check_next nginx.conf.mustache
            fail "$color did not answer $path with $statuses within $ANSWER_SECONDS s (last seen: $seen)."
        }
    fi
    check_next nginx.conf.mustache
    [ "$STEP" != check ] || exit 0

    if [ ! -f "$current" ]; then first=yes; fi
    if [ "$KEEP_PREVIOUS" != true ]; then keep_previous "$before"; fi
    case ${before#* } in
    blue | green) for comes in $(coming_colors); do introduce "$comes" "${before#* }"; done ;;
    esac
    take_next
    live="$color is live: it answers every new connection, $took_ms ms after the reload"
fi

front_seconds=$(allowed "$front_seconds")
verify_front "$front_seconds" ||
    fail "through the front, $VERIFY_REQUESTS fresh connections in a row did not get $statuses from $color within $front_seconds s (of the last ones $seen)."
moved=no
if [ -n "$live" ]; then say "$live"; fi
