#!/bin/sh
# As the official one, which writes what its templates say before it starts nginx.
set -e
echo "# written at the start" >/etc/nginx/conf.d/10-listen.conf
exec "$@"
