# Sourced by the scripts in this folder: how they speak. One line per thing, with the seconds it took, so that
# whoever reads one screen sees what was done, what was found done already, and what takes long.
#
#   begin "Docker Engine" "installing docker.io, about 30 s"   what is under way, and a line every 15 s
#   done_ "Docker Engine" "20.10.24 answers"                   what came of it, with the seconds since `begin` (or start)
#   fail  "Docker Engine" "what was seen" "what to do"         the reason and the next step, then exit 1

if [ -z "${EPOCHREALTIME:-}" ]; then
  echo "✗ bash: ${BASH_VERSION:-another shell} runs this, and bash 5 or newer is needed" >&2
  echo "  Next: install a current bash (on macOS: brew install bash), then run this again" >&2
  exit 1
fi
_since=$EPOCHREALTIME

# Says every 15 s that it still runs, until done_ or fail, so that nobody takes a long build for a hung one. Where a function
# `progress` is there, what it prints is said too.
SAY_EVERY_SECONDS=15
_teller=
begin() {
  _hush
  _since=$EPOCHREALTIME
  printf '… %s: %s\n' "$1" "$2"
  # Start it without this shell's EXIT trap: a subshell that is killed right away would run the trap and delete our files.
  local at_exit
  at_exit=$(trap -p EXIT)
  trap - EXIT
  (
    # By the second: whoever reads our output to its end must not wait for a sleep that outlives us.
    for ((second = 1; ; second++)); do
      sleep 1
      kill -0 $$ 2>/dev/null || exit 0
      ((second % SAY_EVERY_SECONDS)) ||
        printf '… %s: %s s so far%s\n' "$1" "$second" "$(if declare -F progress >/dev/null; then progress; fi)"
    done
  ) &
  _teller=$!
  eval "$at_exit"
}

done_() {
  _hush
  printf '✓ %s: %s (%s s)\n' "$1" "$2" "$(seconds_since "$_since")"
  _since=$EPOCHREALTIME
}

# The next done_ counts from here, without a line of its own.
restart_clock() { _since=$EPOCHREALTIME; }

fail() {
  _hush
  printf '✗ %s: %s\n  Next: %s\n' "$1" "$2" "$3" >&2
  exit 1
}

_hush() {
  if [ -z "$_teller" ]; then return; fi
  kill "$_teller" 2>/dev/null || true
  wait "$_teller" 2>/dev/null || true
  _teller=
}

# Whole and tenth seconds since a value of EPOCHREALTIME.
seconds_since() {
  local micros=$(((${EPOCHREALTIME/[.,]/} - ${1/[.,]/}) / 100000))
  printf '%d.%d' $((micros / 10)) $((micros % 10))
}

# show_help TEXT ARGUMENTS...: prints the help and exits where one of the arguments asks for it.
show_help() {
  local text=$1 argument
  shift
  for argument; do
    case $argument in
    --help | -h)
      printf '%s\n' "$text"
      exit 0
      ;;
    esac
  done
}

# stack_in ARGUMENTS...: sets `stack` to the stack that the arguments name, as `prod`, `--stack prod`, `--stack=prod` or `-s prod`, and
# to nothing without arguments. Returns 1 where they name no stack, or more than one.
stack_in() {
  stack=
  if [ $# -eq 0 ]; then
    # Another stack than the meant one, or all of them, would be touched.
    if [ -n "${npm_config_stack+set}" ]; then
      fail Stack "npm took --stack for its own; its options come before \`--\`, those of this command after it" "the same with \`--\` before --stack"
    fi
    return 0
  fi
  case $#:$1 in
  2:--stack | 2:-s) stack=$2 ;;
  1:--stack=*) stack=${1#--stack=} ;;
  1:*) stack=$1 ;;
  esac
  [[ $stack =~ ^[A-Za-z0-9_][A-Za-z0-9_.-]{0,99}$ ]]
}

# Where everything that is brought lives: outside the checkout, so that a second clone finds it.
CACHE=${XDG_CACHE_HOME:-$HOME/.cache}/blue-green
export CACHE
mkdir -p "$CACHE"
