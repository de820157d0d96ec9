# nginx as process 1, from the configuration on the volume. In the very first run there is none yet: the container waits until it has been
# put there. Afterwards it comes up by itself with the configuration that served last.
# Any change but one of a comment replaces the container.
# shellcheck disable=SC2164 # the volume is always there
cd /var/lib/blue-green
# What an nginx that was killed left behind belongs to its workers, and root without DAC_OVERRIDE can't look inside.
if [ -d tmp ]; then chown root tmp/*; rm -rf tmp; fi; mkdir tmp
until [ -s nginx.conf ]; do sleep 0.1; done
exec nginx -c /var/lib/blue-green/nginx.conf -g 'daemon off;'
