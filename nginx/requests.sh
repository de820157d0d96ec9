# Counts the requests that nginx notes in requests.log (log_format requests in nginx.conf.mustache), for Prometheus. Every label is one of the
# words below, or a status: no client can make a series of its own. Each second it reads what is new in the log. The counts, with how far they
# go, are a file on the volume, and what Prometheus gets of them is one in /tmp. Behind containers.sh in one shell; metrics.sh goes on from here.
requests_text=/tmp/requests.prom
# A file whose time says when the log was read last, and how long ago that may be.
requests_read=/tmp/requests.read
most_unread_seconds=15
# The log is cut there. A part of it is read at once, of whole lines, and of a part so many different lines are kept until they are counted.
most_log_bytes=67108864
most_part_bytes=8388608
most_kinds=2000

# Where an earlier container of this stack ended. After a start of the engine's host the log may be older than what Prometheus has, and a count
# that goes back by a little would pass for one that began again: it begins at 0, as it does where nobody counted before, with what comes now.
recall_requests() {
    boot=$(cat "$boot_id")
    seen_bytes=
    read_inode=
    read_bytes=0
    if read -r read_inode read_bytes read_boot 2>/dev/null <"$directory/requests.counts" &&
        [ "$read_boot" = "$boot" ] && [ "$read_inode" -ge 0 ] 2>/dev/null && [ "$read_bytes" -ge 0 ] 2>/dev/null; then return; fi
    rm -f "$directory/requests.counts"
    read_inode=$(stat -c %i "$directory/requests.log" 2>/dev/null) || true
    read_bytes=$(stat -c %s "$directory/requests.log" 2>/dev/null) || read_bytes=0
}

# Adds what stands in $length bytes of the log to the counts. A line without an end is left for the next time. Equal lines are counted as one.
count_requests() {
    counted=$({
        { [ "$length" -eq 0 ] ||
            dd if="$directory/requests.log" iflag=skip_bytes,count_bytes skip="$read_bytes" count="$length" bs=65536 2>/dev/null; } && echo
    } | LC_ALL=C awk -v counts="$directory/requests.counts" -v text="$requests_text.next" -v inode="$read_inode" -v boot="$boot" \
        -v from="$read_bytes" -v bytes="$length" -v most_bytes="$most_part_bytes" -v most_kinds="$most_kinds" '
        BEGIN {
            colors = split("blue green", color, " ")
            visitors = split("active canary sticky tester probe", visitor, " ")
            methods = split("GET HEAD POST PUT PATCH DELETE OPTIONS other", method, " ")
            bounds = split("0.005 0.01 0.025 0.05 0.1 0.25 0.5 1 2.5 5 10 +Inf", bound, " ")
            for (at = 1; at < bounds; at++) most_ms[at] = sprintf("%.0f", bound[at] * 1000) + 0
            for (c = 1; c <= colors; c++) for (v = 1; v <= visitors; v++) is_who[color[c] " " visitor[v]]
            for (m = 1; m <= methods; m++) is_method[method[m]]
            who = "(blue|green) (active|canary|sticky|tester|probe)"
            how = "(GET|HEAD|POST|PUT|PATCH|DELETE|OPTIONS|other)"
            line_of_counts = "^(requests " who " " how " [1-5][0-9][0-9]|bytes " who "|duration " who " " how " [0-9]+|upstream " who \
                " [0-9]+|unread) [0-9]+$"
            while ((getline line < counts) > 0) {
                if (line !~ line_of_counts) continue
                match(line, / [0-9]+$/)
                count[substr(line, 1, RSTART - 1)] = substr(line, RSTART + 1) + 0
            }
            close(counts)
        }

        # Milliseconds, which add up without a rest; "" for what is no time.
        function in_ms(seconds) {
            return seconds ~ /^[0-9]+[.][0-9]+$/ && length(seconds) < 16 ? int(seconds * 1000 + 0.5) : ""
        }
        # At 0 stands the sum.
        function time(key, ms, times,   at) {
            for (at = 1; at < bounds && ms > most_ms[at]; at++) continue
            count[key " " at] += times
            count[key " 0"] += ms * times
        }
        function add(line, times,   word, words, key, ms) {
            words = split(line, word, " ")
            key = word[1] " " word[2]
            ms = in_ms(word[5])
            if (!(key in is_who && word[3] in is_method) || word[4] !~ /^[1-5][0-9][0-9]$/ || ms == "" || word[6] !~ /^[0-9]+$/ || length(word[6]) > 15) {
                count["unread"] += times
                return
            }
            count["requests " key " " word[3] " " word[4]] += times
            count["bytes " key] += word[6] * times
            # The time of a WebSocket is how long it was open.
            if (word[4] == 101) return
            time("duration " key " " word[3], ms, times)
            # Where nginx asked several containers, the last one.
            if (words > 6 && (word[words] == word[5] || (ms = in_ms(word[words])) != "")) time("upstream " key, ms, times)
        }
        function add_all(   line) {
            for (line in lines) if (lines[line]) add(line, lines[line])
            split("", lines)
            kinds = 0
        }

        !lines[$0]++ && ++kinds > most_kinds { lines[$0] = 0; add_all(); lines[$0] = 1; kinds = 1 }

        # What is behind the last end of a line: nothing, or the beginning of one.
        END {
            if (!NR) exit 1
            lines[$0]--
            rest = length($0)
            if (rest >= bytes) rest = bytes
            if (rest && rest == most_bytes) { rest = 0; count["unread"]++ }
            add_all()
            printf "%s %.0f %s\n", inode, from + bytes - rest, boot
            for (key in count) printf "%s %.0f\n", key, count[key]
            say()
            close(text)
        }

        function about(metric, type, help) { printf "# HELP %s %s\n# TYPE %s %s\n", metric, help, metric, type >text }
        function histogram(metric, key, labels,   at, sum) {
            if (!((key " 0") in count)) return
            sum = 0
            for (at = 1; at <= bounds; at++) {
                if ((key " " at) in count) sum += count[key " " at]
                printf "%s_bucket{%s,le=\"%s\"} %.0f\n", metric, labels, bound[at], sum >text
            }
            printf "%s_sum{%s} %.3f\n%s_count{%s} %.0f\n", metric, labels, count[key " 0"] / 1000, metric, labels, sum >text
        }
        function say(   metric, key, word, c, v, m) {
            metric = "blue_green_http_requests_total"
            about(metric, "counter", "requests, by the color that answered and by who asked")
            for (key in count) if (key ~ /^requests /) {
                split(key, word, " ")
                printf "%s{color=\"%s\",method=\"%s\",status=\"%s\",visitor=\"%s\"} %.0f\n", metric, word[2], word[4], word[5], word[3], count[key] >text
            }
            metric = "blue_green_http_response_bytes_total"
            about(metric, "counter", "bytes sent to clients, headers included")
            for (key in count) if (key ~ /^bytes /) {
                split(key, word, " ")
                printf "%s{color=\"%s\",visitor=\"%s\"} %.0f\n", metric, word[2], word[3], count[key] >text
            }
            metric = "blue_green_http_request_duration_seconds"
            about(metric, "histogram", "from a request\047s first byte to the last one sent; WebSockets are left out")
            for (c = 1; c <= colors; c++) for (v = 1; v <= visitors; v++) for (m = 1; m <= methods; m++)
                histogram(metric, "duration " color[c] " " visitor[v] " " method[m], \
                    "color=\"" color[c] "\",method=\"" method[m] "\",visitor=\"" visitor[v] "\"")
            metric = "blue_green_http_upstream_duration_seconds"
            about(metric, "histogram", "how long the color\047s container took to answer")
            for (c = 1; c <= colors; c++) for (v = 1; v <= visitors; v++)
                histogram(metric, "upstream " color[c] " " visitor[v], "color=\"" color[c] "\",visitor=\"" visitor[v] "\"")
            metric = "blue_green_http_lines_unread_total"
            about(metric, "counter", "requests that are in none of the others: refused by nginx before it knew a color, or answered with a status above 599")
            printf "%s %.0f\n", metric, count["unread"] >text
        }') || return 1
    # By the shell, which notices where there is no room: not every awk does. In this order, so that what Prometheus got is never forgotten.
    printf '%s\n' "$counted" >"$directory/requests.next" &&
        mv -f "$directory/requests.next" "$directory/requests.counts" && mv -f "$requests_text.next" "$requests_text" &&
        read -r read_inode read_bytes read_boot <"$directory/requests.counts"
}

# Reads what is new in the log; false where there is none, or where the counts have no room. Somebody may have cut or replaced it.
read_requests() {
    size=0
    found=$(stat -c '%i %s' "$directory/requests.log" 2>/dev/null) || return 1
    size=${found#* }
    if [ "${found% *}" != "$read_inode" ] || [ "$size" -lt "$read_bytes" ]; then
        read_inode=${found% *}
        read_bytes=0
        seen_bytes=
    fi
    if [ "$size" = "$seen_bytes" ] && [ -f "$requests_text" ]; then return; fi
    seen_bytes=
    while :; do
        length=$((size - read_bytes))
        if [ "$length" -gt "$most_part_bytes" ]; then length=$most_part_bytes; fi
        count_requests || return 1
        if [ "$length" -lt "$most_part_bytes" ]; then break; fi
    done
    seen_bytes=$size
}

# Cuts a log that is too long, when nothing was written to it since it was read: what nginx writes within that millisecond is lost to the
# counts. Where it writes all the time, or where it can't be read, it is cut all the same.
shorten_requests() {
    if [ "$size" -le "$most_log_bytes" ]; then return; fi
    for _ in 1 2 3 4 5 6 7 8; do
        if [ "$(stat -c %s "$directory/requests.log" 2>/dev/null)" = "$read_bytes" ]; then break; fi
        read_requests || true
    done
    true >"$directory/requests.log"
    read_bytes=0
    seen_bytes=0
}

# One look at the log.
follow_requests() {
    if read_requests; then true >"$requests_read"; fi
    shorten_requests
}

# Whether the log is read: 1 or 0. Where it isn't, old figures would pass for new ones.
requests_are_read() {
    last=$(stat -c %Y "$requests_read" 2>/dev/null) || last=0
    if [ $(($(date +%s) - last)) -le "$most_unread_seconds" ]; then echo 1; else
        rm -f "$requests_text"
        echo 0
    fi
}
