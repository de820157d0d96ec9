# Has the metrics say what the colors run now, in the text $1, where a cutover has left some; whole or not at all.
cd /var/lib/blue-green || exit 1
if [ ! -f cutover.prom ]; then exit 0; fi
{
    grep -vE '^(# (HELP|TYPE) )?blue_green_color_info[ {]' cutover.prom || true
    printf %s "$1"
} >colors.next && chmod 644 colors.next && mv -f colors.next cutover.prom
