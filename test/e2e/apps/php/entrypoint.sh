#!/bin/sh
# Starts as root, makes the folder of the uploads www-data's, as a fresh volume is root's, and leaves the rest to Apache.
set -e
mkdir -p /var/www/html/uploads
chown -R www-data:www-data /var/www/html/uploads
. /etc/apache2/envvars
exec "$@"
