# What an nginx that names its generation says of itself, the proxy's or the gateway's; behind ask.sh in one shell, in the folder of its
# volume. `generation` prints what it answers, the hash of its file as that was rendered, the pair that it speaks TLS with, and what
# Pulumi's state holds; $1 is the color that the file names, or nothing. $answer is what it answers. Where the first two differ, somebody
# has changed the file by hand.
generation() {
    answer=$(serves)
    stated=$(sed -n 's/^ *return 200 "\([0-9a-f]\{16\}\) [$a-z]*\\n";$/\1/p' nginx.conf)
    echo "answer $answer"
    echo "file $(sed "s/${stated:-x}/@GENERATION@/" nginx.conf | sha256sum | cut -c 1-16) $1"
    sed -n 's|^ *ssl_certificate .*/tls-\([0-9a-f]*\)\.crt;$|tls \1|p' nginx.conf
    if [ -s declared ]; then printf 'declared %s\n' "$(head -n 1 declared)"; fi
}
# The color that a configuration names as the active one.
color_of() { sed -n '/^ *map "" \$active {$/,/}/s/^ *default \(blue\|green\);$/\1/p' "$1"; }
