# What each container of the service takes, by the kernel's own books (cgroups) of the engine's host, which are mounted read-only. The engine's
# name server says whose a cgroup is: it knows each container that runs on our network by its short id, and by its address. So a container
# is known a moment after it was made or started, whoever did that, and nothing here needs the engine's rights. CONTAINERS is what the names
# of the service's containers begin with. Behind well.sh in one shell; metrics.sh goes on from here.
books=/cgroup
# The containers' cgroups that were seen, with whose they are; and the same where it outlives this container.
seen=/tmp/cgroups
kept=/var/lib/blue-green/cgroups
boot_id=/proc/sys/kernel/random/boot_id
host_name=/proc/sys/kernel/hostname
looks=0

# Finds where the engine has its containers' cgroups: where our own one is. Once, since a walk over all of them takes its time. Where it finds
# none, $cgroups stays empty and nothing is said.
find_cgroups() {
    own=$(cat "$host_name")
    cgroups=
    found=
    case $own in '' | *[!0-9a-f]*) return ;; esac
    for root in "$books/memory" "$books/cpuacct" "$books/cpu,cpuacct" "$books"; do
        if [ -d "$root" ]; then found=$(find -H "$root" -type d -name "*$own*" 2>/dev/null | head -n 1); fi
        if [ -n "$found" ]; then break; fi
    done
    if [ -z "$found" ]; then return; fi
    # As `docker-<id>.scope` or `<id>`, in `/docker` or `/system.slice`, or in a user's own slices.
    called=$(printf %s "${found##*/}" | sed 's/[0-9a-f]\{64\}/*/')
    cgroups=${found%/*}
    memory=$cgroups
    cpu=$cgroups
    # Version 1 has a book for each of them.
    if [ "$root" != "$books" ]; then
        within=${cgroups#"$root"}
        memory=$books/memory$within
        for one in cpuacct cpu,cpuacct; do if [ -d "$books/$one" ]; then cpu=$books/$one$within; fi; done
    fi
}

# What was seen since the engine's host has started: before that the same number was another cgroup's.
recall() {
    true >"$seen"
    if [ "$(head -n 1 "$kept" 2>/dev/null)" = "$(cat "$boot_id")" ]; then tail -n +2 "$kept" >"$seen"; fi
}

# Which parts a service has; what stands in the file may have been written by anybody.
parts='^(proxy|(blue|green)(-[0-9]+)?|(blue|green)-(worker|job)-[a-z0-9-]+|(accessory|monitoring)-[a-z0-9-]+)$'

# Notes each cgroup, in a line: the container's id, the folder's number, which is another one after each start, when it was seen
# first, how often it was asked for, and the part of the service; `?` for none. One that is of no part is asked for three times, since a
# container that is about to start may have no address yet, and then every hour.
see() {
    looks=$((looks + 1))
    # shellcheck disable=SC2086 # the name is a pattern
    stat -c '%n %i %Z' "$cgroups"/$called 2>/dev/null |
        awk -v own="$own" -v prefix="$CONTAINERS" -v parts="$parts" -v late="$((looks % 240 == 0))" '
            function answer(words,   text) { text = ""; words | getline text; close(words); return text }
            function part_of(id,   words, name) {
                if (substr(id, 1, length(own)) == own) return "monitoring-metrics"
                split(answer("timeout 5 getent hosts " substr(id, 1, 12)), words, " ")
                if (words[1] !~ /^[0-9a-f.:]+$/) return "?"
                split(answer("timeout 5 getent hosts " words[1]), words, " ")
                name = tolower(words[2])
                if (substr(name, 1, length(prefix)) != tolower(prefix)) return "?"
                name = substr(name, length(prefix) + 1)
                # Behind its name stands the network.
                sub(/\..*/, "", name)
                return name ~ parts ? name : "?"
            }
            before {
                if (NF != 5 || $3 $4 ~ /[^0-9]/ || $5 != "?" && $5 !~ parts) next
                line[$1 " " $2] = $0
                if ($5 != "?") part[$1] = $5
                next
            }
            {
                id = $1
                sub(/.*\//, "", id); sub(/\.scope$/, "", id); sub(/.*-/, "", id)
                if (length(id) != 64 || id ~ /[^0-9a-f]/) next
                since = $3; times = 0; is = "?"
                if ((id " " $2) in line) { split(line[id " " $2], was, " "); since = was[3]; times = was[4]; is = was[5] }
                if (is == "?" && id in part) is = part[id]
                if (is == "?" && (times < 3 || late)) { is = part_of(id); if (times < 3) times++ }
                print id, $2, since, times, is
            }' before=1 "$seen" before= - >"$seen.next"
    if cmp -s "$seen.next" "$seen"; then return; fi
    mv -f "$seen.next" "$seen"
    # Without room there, the starts that were seen are forgotten when this container ends.
    { cat "$boot_id" "$seen" >"$kept.next" && mv -f "$kept.next" "$kept"; } 2>/dev/null || rm -f "$kept.next"
}

# Prints what the service's containers take. `docker stats` has their memory alike: without what the kernel can drop at once.
say_containers() {
    if [ -z "$cgroups" ]; then return; fi
    see
    awk -v memory="$memory/${called%%"*"*}" -v cpu="$cpu/${called%%"*"*}" -v after="${called#*"*"}" '
        function first(file,   line) { line = ""; if ((getline line < file) < 1) line = ""; close(file); return line }
        function field(file, name,   line, words, value) {
            value = ""
            while ((getline line < file) > 0) { split(line, words, " "); if (words[1] == name) { value = words[2]; break } }
            close(file)
            return value
        }
        # Of version 2, or else of version 1.
        function either(one, other) { return one == "" ? other : one }
        function note(metric, labels, value) {
            if (value ~ /^[0-9.]+$/) text[metric] = text[metric] metric "{container=\"" name "\"" labels "} " value "\n"
        }
        function say(metric, type, help) {
            if (metric in text) printf "# HELP %s %s\n# TYPE %s %s\n%s", metric, help, metric, type, text[metric]
        }
        $5 != "?" && !($5 in since && since[$5] > $3) { since[$5] = $3; ids[$5] = $1 }
        END {
            for (name in ids) {
                of_memory = memory ids[name] after
                of_cpu = cpu ids[name] after
                used = either(first(of_memory "/memory.current"), first(of_memory "/memory.usage_in_bytes"))
                dropped = either(field(of_memory "/memory.stat", "total_inactive_file"), field(of_memory "/memory.stat", "inactive_file"))
                limit = either(first(of_memory "/memory.max"), first(of_memory "/memory.limit_in_bytes"))
                kills = either(field(of_memory "/memory.events", "oom_kill"), field(of_memory "/memory.oom_control", "oom_kill"))
                micros = field(of_cpu "/cpu.stat", "usage_usec")
                nanos = first(of_cpu "/cpuacct.usage")
                note("blue_green_container_info", ",id=\"" ids[name] "\"", 1)
                note("blue_green_container_start_timestamp_seconds", "", since[name])
                if (micros != "") note("blue_green_container_cpu_seconds_total", "", sprintf("%.6f", micros / 1000000))
                else if (nanos != "") note("blue_green_container_cpu_seconds_total", "", sprintf("%.6f", nanos / 1000000000))
                if (used != "") note("blue_green_container_memory_bytes", "", sprintf("%.0f", used + 0 > dropped + 0 ? used - dropped : used))
                # Version 1 has no word for no limit, but the highest number of pages.
                if (limit + 0 < 1000000000000000000) note("blue_green_container_memory_limit_bytes", "", limit)
                note("blue_green_container_oom_kills_total", "", kills)
            }
            say("blue_green_container_info", "gauge", "1: a container that runs, and the id that the engine has for it")
            say("blue_green_container_cpu_seconds_total", "counter", "processor time that it has taken since it was started")
            say("blue_green_container_memory_bytes", "gauge", "memory that it uses, as docker stats has it")
            say("blue_green_container_memory_limit_bytes", "gauge", "the most memory that it may use; absent without a limit")
            say("blue_green_container_oom_kills_total", "counter", "processes in it that were killed for want of memory since it was started")
            say("blue_green_container_start_timestamp_seconds", "gauge", "since when it runs; each change is a start")
        }' "$seen"
}
