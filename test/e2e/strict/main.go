// An application as its own documentation would have it, and nothing but its binary in the image: it answers the host that it is
// given and nobody else, sends visitors of plain HTTP to HTTPS, shows its page after a login, and takes its time to start.
package main

import (
	"net/http"
	"os"
	"strconv"
	"strings"
	"time"
)

func seconds(name string) time.Duration {
	count, _ := strconv.Atoi(os.Getenv(name))
	return time.Duration(count) * time.Second
}

func main() {
	// Asked by its own health check.
	if len(os.Args) > 1 && os.Args[1] == "check" {
		if os.Getenv("CHECK_FAILS") != "" {
			os.Stderr.WriteString("the queue is full\n")
			os.Exit(1)
		}
		os.Exit(0)
	}
	time.Sleep(seconds("START_SECONDS"))
	host := os.Getenv("ALLOWED_HOST")
	http.HandleFunc("/", func(answer http.ResponseWriter, request *http.Request) {
		name, _, _ := strings.Cut(request.Host, ":")
		switch {
		case host != "" && name != host:
			http.Error(answer, "Bad Request: "+name+" is not allowed", http.StatusBadRequest)
		case os.Getenv("FORCE_TLS") != "" && request.Header.Get("X-Forwarded-Proto") != "https":
			http.Redirect(answer, request, "https://"+request.Host+request.URL.Path, http.StatusMovedPermanently)
		case request.URL.Path == "/" && os.Getenv("LOGIN") != "":
			http.Redirect(answer, request, os.Getenv("LOGIN"), http.StatusFound)
		default:
			answer.Write([]byte("strict " + os.Getenv("APP_VERSION") + "\n"))
		}
	})
	if err := http.ListenAndServe(":5000", nil); err != nil {
		panic(err)
	}
}
