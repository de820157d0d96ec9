# Sourced after say.sh by what makes a Debian root file system of its own. The caller's `topic` is what messages are about.

# shellcheck source=apt.sh
source "${BASH_SOURCE[0]%/*}/apt.sh"

# Of this machine's own apt sources, the one that is Debian's main archive.
mirror() {
  apt-get indextargets --format '$(ORIGIN)|$(LABEL)|$(REPO_URI)' 'Created-By: Packages' |
    sed -n 's/^Debian|Debian|//p' | head -n 1
}

# debian SUITE FOLDER PACKAGES: a root file system in FOLDER.
debian() {
  local suite=$1 root=$2 packages=$3 from script
  command -v debootstrap >/dev/null || apt_install "$topic" debootstrap
  from=$(mirror)
  if [[ -z $from ]]; then # no lists yet, so apt can't tell whose archives they are
    apt_get update >"$CACHE/apt.log" 2>&1 || true
    from=$(mirror)
  fi
  [[ -n $from ]] || fail "$topic" "apt on this machine knows no Debian mirror to make it from" "add one to apt's sources, then run this again"
  script=/usr/share/debootstrap/scripts/$suite
  [[ -e $script ]] || script=/usr/share/debootstrap/scripts/sid # an older debootstrap doesn't know newer suites by name
  debootstrap --variant=minbase --include="$packages" "$suite" "$root" "$from" "$script" >"$CACHE/debootstrap.log" 2>&1 ||
    fail "$topic" "debootstrap of $suite from $from failed:"$'\n'"$(tail -n 5 "$CACHE/debootstrap.log")" \
      "look at $CACHE/debootstrap.log, mend what it says, then run this again"
}

# Removes a folder that had file systems mounted in it; one that is still mounted is left alone, and so is the folder.
remove() {
  local folder=$1 mounted
  if [[ ! -e /proc/self/mountinfo ]]; then # nothing can have been mounted by the likes of us
    rm -rf "$folder"
    return
  fi
  while read -r mounted; do
    umount "$mounted" || true
  done < <(awk -v below="$folder/" 'index($5, below) == 1 { print $5 }' /proc/self/mountinfo | sort -r)
  if grep -qF " $folder/" /proc/self/mountinfo; then
    echo "  left behind, since something is still mounted in it: $folder"
  else
    rm -rf --one-file-system "$folder"
  fi
}
