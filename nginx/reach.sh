# Whether nginx reaches color $1: the color's own answer, whatever that is.
curl -q --silent --max-time 5 --noproxy '*' --output /dev/null --write-out 'status %{http_code}\n' "http://127.0.0.1:8081/$1"
