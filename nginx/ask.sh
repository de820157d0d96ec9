# How nginx is asked, also while half-sent requests hold every connection that its workers have. `serves` then prints what these
# workers were read back with (see reload.sh), as long as no other ones accept; `health <seconds> <color>` then asks the color itself.
# generation.sh, hold.sh and sample.sh go on from here, in the same shell.
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
health() {
    answer_of() { inside --max-time "$1" --output /dev/null --write-out '%{http_code} %{errormsg}' "$2"; }
    seen=$(answer_of "$1" "http://127.0.0.1:8081/$2")
    # A connection that was closed at once is nginx's doing, a silence the color's, and 500 may be either's.
    case $seen in 000*timed*) ;; 000* | 500*)
        port=$(sed -n "s/^ *server $2:\([0-9]*\) resolve.*/\1/p" nginx.conf | head -n 1)
        path=$(sed -n "s|^ *proxy_pass http://$2\(/.*\);$|\1|p" nginx.conf)
        direct=$([ -z "$port" ] || answer_of "$1" "http://$2:$port$path")
        seen=${direct:-$seen} ;;
    esac
    echo "$seen"
}
