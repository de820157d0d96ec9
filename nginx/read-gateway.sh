# Asks the gateway's nginx and reads its volume; without a configuration there it says nothing.
cd /var/lib/blue-green 2>/dev/null && if [ -s nginx.conf ]; then
    echo "answer $(curl -q --silent --max-time 2 --noproxy '*' http://127.0.0.1:8081/generation || true)"
    stated=$(sed -n 's/^ *return 200 "\([0-9a-f]\{16\}\) routes\\n";$/\1/p' nginx.conf)
    echo "file $(sed "s/${stated:-x}/@GENERATION@/" nginx.conf | sha256sum | cut -c 1-16)"
    sed -n 's|^ *ssl_certificate .*/tls-\([0-9a-f]*\)\.crt;$|tls \1|p' nginx.conf
    if [ -s declared ]; then printf 'declared %s\n' "$(head -n 1 declared)"; fi
fi
