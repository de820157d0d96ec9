# How nginx is asked, also while half-sent requests hold every connection that its workers have. `serves` then prints what these
# workers were read back with (see reload.sh), as long as no other ones accept. Others go on from here, in the same shell.
inside() { curl -q --silent --noproxy '*' "$@" || true; }
serves() {
    told=$(inside --max-time 2 http://127.0.0.1:8081/generation)
    if [ -z "$told" ] && [ -s /run/serving ]; then
        workers=$(grep -ls '^nginx: worker process' /proc/[0-9]*/cmdline | xargs -r grep -Ls 'shutting down' |
            sed 's/cmdline$/stat/' | xargs -r cut -d ' ' -f 1,22 2>/dev/null)
        [ "$workers" != "$(tail -n +2 /run/serving)" ] || told=$(head -n 1 /run/serving)
    fi
    echo "$told"
}
