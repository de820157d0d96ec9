# Asks colors for their health: `health <seconds> <color>` prints how a color is, and `each_health` does for each of its containers. Behind
# ask.sh and well.sh in one shell, in which others go on from here.

# Asks within $1 seconds by the URL $2, over the proxy $3 where there is one; $seen is `well` or `ill`, the status and curl's words.
ask_once() {
    answer=$(inside --max-time "$1" ${3:+--noproxy ,} ${3:+--proxy} ${3:+"$3"} --header "Host: $host" --header "X-Forwarded-Proto: $scheme" \
        --header 'Connection: close' --output /dev/null --write-out '%{http_code} %{errormsg}\t%header{location}' "$2")
    location=${answer#*"$tab"}
    answer=${answer%%"$tab"*}
    if well "${answer%% *}" "$location"; then seen=well; else seen=ill; fi
    seen="$seen $answer"
    # Where it sends visitors is what explains the status; a query may hold what nobody else should see.
    case $location in ?*) seen="${seen% }, to ${location%%[?#]*}" ;; esac
}

# The same by the name of one of a color's containers, over the server with a visitor's limits where nginx has one by now. A connection
# that was closed at once is nginx's doing, a silence the container's, and 500 may be either's: then it is asked directly.
ask_container() {
    over=
    if grep -qsF 'listen 127.0.0.1:8083;' nginx.conf; then over=http://127.0.0.1:8083; fi
    ask_once "$1" "http://$2:$port$path" "$over"
    met=$seen
    case $over,$met in
    http*'ill 000 '*timed* | http*'ill 502 '* | http*'ill 504 '*)
        # Visitors meet the same, so that it is not well; but whoever mends it looks at nginx first.
        ask_once "$1" "http://$2:$port$path"
        case $seen in well*) seen="${met% }, though asked directly it answers ${seen#well }" ;; *) seen=$met ;; esac
        ;;
    http*' 000 '* | http*' 500 '*) ask_once "$1" "http://$2:$port$path" ;;
    esac
}

# On the way that visitors take.
health() {
    standard "$2" nginx.conf
    ask_once "$1" "http://127.0.0.1:8081/$2"
    case $seen in *' 000 '*timed*) ;; *' 000 '* | *' 500 '*) if [ -n "$port" ]; then ask_once "$1" "http://$2:$port$path"; fi ;; esac
    echo "$seen"
}

# Prints a line for each container that the configuration has of color $2: its name, and how it is. They are asked at the same time.
each_health() {
    containers=$(sed -n "/^ *upstream $2 {\$/,/}/s/^ *server \($2[-0-9]*\):[0-9]* resolve.*/\1/p" nginx.conf | sort -u)
    case $containers in
    '') ;;
    "$2") echo "$2 $(health "$1" "$2")" ;;
    *)
        standard "$2" nginx.conf
        for container in $containers; do { ask_container "$1" "$container" && echo "$container $seen"; } & done
        wait
        ;;
    esac
}
