# How a color is asked for its health, and which answer is well. ask-health.sh and cutover.sh go on from here, in the same shell.
tab=$(printf '\t')

# shellcheck disable=SC2034 # not all of what it reads is used in every script
# Reads from the configuration in file $2 how color $1 is asked, and which statuses are well. A file from before 2026-12 lacks some of it.
standard() {
    port=
    path=
    host=$1
    scheme=http
    statuses=200-299
    while read -r name value; do
        value=${value%;}
        case $name in
        server) port=${value#*:} && port=${port%% *} ;;
        proxy_pass) path=/${value#*://*/} ;;
        Host) host=$value ;;
        X-Forwarded-Proto) scheme=$value ;;
        add_header) statuses=${value#* } && statuses=${statuses% *} ;;
        esac
    done <<LINES
$(sed -n -e "/^ *upstream $1 {\$/,/}/{s/^ *\(server $1:[0-9]* resolve.*\)/\1/p;}" \
    -e "/^ *location = \/$1 {\$/,/}/{s/^ *proxy_set_header //;s/^ *//;p;}" "$2" 2>/dev/null)
LINES
}

# Whether an answer is well: its status $1 is among $statuses, numbers and ranges such as 200-299,401, and where it redirects ($2, a URL
# or a path) it is to the $host that was asked for.
well() {
    case $1 in
    3[0-9][0-9])
        case $2 in
        //*) is_host "${2#//}" || return 1 ;;
        # A scheme, and not a query with a URL in it.
        *://*) case ${2%%://*} in *[!A-Za-z0-9+.-]*) ;; *) is_host "${2#*://}" || return 1 ;; esac ;;
        esac
        ;;
    [0-9][0-9][0-9]) ;;
    *) return 1 ;;
    esac
    rest=$statuses,
    while [ -n "$rest" ]; do
        range=${rest%%,*}
        rest=${rest#*,}
        if [ "$1" -ge "${range%-*}" ] && [ "$1" -le "${range#*-}" ]; then return; fi
    done
    return 1
}
# Whether the URL whose authority $1 begins with leads to the $host that was asked for, on whatever port.
is_host() {
    to=${1%%[/?#]*}
    to=${to##*@}
    [ "$(lower "${to%:*}")" = "$(lower "$host")" ]
}
lower() { echo "$1" | tr '[:upper:]' '[:lower:]'; }
