# Sourced by the scripts in this folder: how they speak. One line per thing, with the seconds it took, so that
# whoever reads one screen sees what was done, what was found done already, and what takes long.
#
#   begin "Docker Engine" "installing docker.io, about 30 s"   what is under way (printed only by what takes long)
#   done_ "Docker Engine" "20.10.24 answers"                   what came of it, with the seconds since `begin` (or start)
#   fail  "Docker Engine" "what was seen" "what to do"         the reason and the next step, then exit 1

if [ -z "${EPOCHREALTIME:-}" ]; then
  echo "✗ bash: ${BASH_VERSION:-another shell} runs this, and bash 5 or newer is needed" >&2
  echo "  Next: install a current bash (on macOS: brew install bash), then run this again" >&2
  exit 1
fi
_since=$EPOCHREALTIME

begin() {
  _since=$EPOCHREALTIME
  printf '… %s: %s\n' "$1" "$2"
}

done_() {
  printf '✓ %s: %s (%s s)\n' "$1" "$2" "$(seconds_since "$_since")"
  _since=$EPOCHREALTIME
}

# The next done_ counts from here, without a line of its own.
restart_clock() { _since=$EPOCHREALTIME; }

fail() {
  printf '✗ %s: %s\n  Next: %s\n' "$1" "$2" "$3" >&2
  exit 1
}

# Whole and tenth seconds since a value of EPOCHREALTIME.
seconds_since() {
  local micros=$(((${EPOCHREALTIME/[.,]/} - ${1/[.,]/}) / 100000))
  printf '%d.%d' $((micros / 10)) $((micros % 10))
}

# Where everything that is brought lives: outside the checkout, so that a second clone finds it.
CACHE=${XDG_CACHE_HOME:-$HOME/.cache}/blue-green
export CACHE
mkdir -p "$CACHE"
