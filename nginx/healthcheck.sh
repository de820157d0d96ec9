# The health check of a color's container: asks $1 with whatever the image has, since the program doesn't know what it is made of.
# Any change but one of a comment replaces the containers.
if command -v curl >/dev/null; then exec curl --fail --silent --show-error --max-time 2 --output /dev/null "$1"; fi
if command -v wget >/dev/null; then exec wget -q -T 2 -O /dev/null "$1"; fi
# Bash costs a thirtieth of what loading Python or Node does, every 2 s in each container.
if command -v bash >/dev/null; then
    # shellcheck disable=SC2016 # bash expands it
    exec bash -p -c '
        path=${1#http://}
        host=${path%%/*}
        exec 3<>"/dev/tcp/${host%:*}/${host##*:}" || exit 1
        printf "GET /%s HTTP/1.1\r\nHost: %s\r\nConnection: close\r\n\r\n" "${path#*/}" "$host" >&3
        IFS= read -r -t 2 status <&3
        case $status in "HTTP/1."?" "[23]*)
            # To its end, so that the app meets no connection that was reset.
            while IFS= read -r -t 1 _ <&3; do :; done
            exit 0
            ;;
        esac
        echo "$1: ${status:-no answer within 2 s}" >&2
        exit 1
    ' health "$1"
fi
if command -v python3 >/dev/null; then exec python3 -c 'import sys, urllib.request as r; r.urlopen(sys.argv[1], timeout=2)' "$1"; fi
if command -v node >/dev/null; then exec node -e 'fetch(process.argv[1], { signal: AbortSignal.timeout(2000) }).then((a) => process.exit(a.ok ? 0 : 1), () => process.exit(1))' "$1"; fi
echo "The health check needs curl, wget, bash, python3 or node in the image." >&2
exit 1
