# The health check of a color's container: asks $1 with whatever the image has, since the program doesn't know what it is made of.
# Any change but one of a comment replaces the containers.
if command -v curl >/dev/null; then exec curl --fail --silent --show-error --max-time 2 --output /dev/null "$1"; fi
if command -v wget >/dev/null; then exec wget -q -T 2 -O /dev/null "$1"; fi
if command -v python3 >/dev/null; then exec python3 -c 'import sys, urllib.request as r; r.urlopen(sys.argv[1], timeout=2)' "$1"; fi
if command -v node >/dev/null; then exec node -e 'fetch(process.argv[1]).then((a) => process.exit(a.ok ? 0 : 1), () => process.exit(1))' "$1"; fi
echo "The health check needs curl, wget, python3 or node in the image." >&2
exit 1
