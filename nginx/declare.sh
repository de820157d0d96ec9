# Notes beside the configuration what Pulumi's state holds ($1); whole or not at all.
cd /var/lib/blue-green && printf '%s\n' "$1" >declared.next && mv -f declared.next declared
