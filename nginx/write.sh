# The lock's holder does what it is told, a line at a time, and answers each: it is the only one who writes what the cutovers leave
# behind. Behind hold.sh and read.sh in one shell.

# Moves the public (cutover.sh) in a process of its own: it goes on to its end whatever becomes of this one, and of the lock, since it has
# a lock of its own. What it says are lines. The last one is its exit code, and in base64 what it wrote to standard error.
# $1: STEP, which is move or check; $2 to $5: ANSWER_SECONDS, VERIFY_REQUESTS, KEEP_PREVIOUS, RELOAD; $6: the configuration in base64.
# Runs in a shell of its own.
step() {
    exec 3>&1 9>&-
    words=$(printf %s "$6" | base64 -d |
        STEP=$1 ANSWER_SECONDS=$2 VERIFY_REQUESTS=$3 KEEP_PREVIOUS=$4 RELOAD=$5 sh -c "$cutover" 2>&1 >&3) && code=0 || code=$?
    echo "ended $code${words:+ $(printf %s "$words" | base64 | tr -d '\n')}"
}

# Over a network that was cut an order may come when the others have long been taken back, after our caller's end too: whoever has not
# heard of it for so long moves nobody any more.
given_up=no
look_at_clock() {
    read -r now _ </proc/uptime
    now=${now%.*}
}

echo held
if [ "$silence" -gt 0 ]; then
    while sleep $((silence / 5)) >/dev/null 2>&1 && kill -0 $$; do echo beat; done 2>/dev/null 9>&- &
    beats=$!
fi
# One line is one file, or one more line of it: whole or not at all, since a line that was cut off is not handed over.
while
    look_at_clock
    waits_since=$now
    read -r file text
do
    look_at_clock
    if [ "$silence" -gt 0 ] && [ $((now - waits_since)) -gt "$silence" ]; then given_up=yes; fi
    if [ "$file" = beat ]; then continue; fi
    if [ "$file" = release ]; then rm -f holder; exit; fi
    if [ "$file" = move ] && [ "$given_up" = yes ]; then
        echo "ended 1 $(printf 'this cutover was not heard of for %s s.' "$silence" | base64 | tr -d '\n')"
        continue
    fi
    if [ "$file" = watch ]; then
        # From here on the answers are counted, until the lock is let go of.
        if true >answers.log && true >/run/watched; then echo wrote; else echo unwritten; fi
        continue
    fi
    if [ "$file" = move ] || [ "$file" = check ]; then
        # shellcheck disable=SC2086 # words without blanks, split on purpose
        step "$file" $text &
        continue
    fi
    # A file that the configuration names: its name, and its content in base64. Keys and tokens are read by the master alone.
    if [ "$file" = file ]; then
        mkdir -p files && (umask 077 && printf %s "${text#* }" | base64 -d >next) &&
            case ${text%% *} in *.html) chmod 644 next ;; esac && { sync next 2>/dev/null || sync; } &&
            mv -f next "files/${text%% *}" && echo wrote || echo unwritten
        continue
    fi
    if [ "$file" = notify.json ] && [ -z "$text" ]; then
        rm -f notify.json && echo wrote || echo unwritten
        continue
    fi
    # Whoever has the receiver's address may send word in our name: it is read by root alone too.
    if [ "$file" = sessions.conf ] || [ "$file" = notify.json ]; then
        (umask 077 && printf %s "$text" | base64 -d >next) && { sync next 2>/dev/null || sync; } && mv -f next "$file" && echo wrote || echo unwritten
        continue
    fi
    # What Prometheus is told: a result, and the text in base64, in which every count is 0. Those of before are added, and this cutover.
    if [ "$file" = metrics ]; then
        printf %s "${text#* }" | base64 -d >cutover.prom.text &&
            { grep -s '^blue_green_cutovers_total{' cutover.prom || true; } |
            awk -F '"' -v result="${text%% *}" '
                before { split($3, value, " "); count[$2] = value[2]; next }
                /^blue_green_cutovers_total\{/ { print $1 "\"" $2 "\"} " count[$2] + ($2 == result); next }
                { print }' before=1 - before= cutover.prom.text >next &&
            chmod 644 next && rm -f cutover.prom.text && mv -f next cutover.prom && echo wrote || echo unwritten
        continue
    fi
    case $file in
    cutover.json) printf '%s\n' "$text" ;;
    history.jsonl)
        # A line of the same time is the one that this cutover began with: it is replaced.
        case $(tail -n 1 history.jsonl 2>/dev/null) in
        "${text%%,*},"*) sed '$d' history.jsonl ;;
        *) tail -n $((most_lines - 1)) history.jsonl 2>/dev/null ;;
        esac
        printf '%s\n' "$text"
        ;;
    esac >next && { sync next 2>/dev/null || sync; } && mv -f next "$file" && echo wrote || echo unwritten
done
