# Sourced after say.sh by what may have to bring a Debian package.

# apt_install TOPIC PACKAGE...: from the machine's own mirror, without questions. The package lists are fetched anew only
# if the first try fails (they are often there, and old ones name packages that the mirror no longer has).
apt_install() {
  local topic=$1 log="$CACHE/apt.log"
  shift
  if ! command -v apt-get >/dev/null; then
    fail "$topic" "needs $*, and this machine has no apt-get to bring it" "install it by hand, then run this again"
  fi
  if [[ $EUID -ne 0 ]]; then
    fail "$topic" "needs the Debian package(s) $*, which only root can install" "sudo apt-get install $*, then run this again"
  fi
  apt_get install --no-install-recommends "$@" >"$log" 2>&1 && return
  apt_get update >>"$log" 2>&1 || true # one unreachable source among several need not matter: the install tells
  apt_get install --no-install-recommends "$@" >>"$log" 2>&1 && return
  fail "$topic" "apt-get could not install $*:"$'\n'"$(tail -n 5 "$log")" "look at $log, mend apt's sources, then run this again"
}

# A package may start a service while it is installed: that must not keep our caller's pipes open.
apt_get() {
  (
    close_inherited
    DEBIAN_FRONTEND=noninteractive exec apt-get -y -q -o DPkg::Lock::Timeout=300 "$@" </dev/null
  )
}

# Closes every file descriptor above stderr in the (sub)shell that calls it.
close_inherited() {
  local path fd
  for path in "/proc/$BASHPID/fd/"*; do
    fd=${path##*/}
    if ((fd > 2 && fd != 255)); then exec {fd}>&-; fi # 255: bash's own
  done
}
