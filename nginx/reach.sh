# Whether nginx reaches color $1, and how it is. Behind ask-health.sh in one shell.
cd /var/lib/blue-green && health 5 "$1"
