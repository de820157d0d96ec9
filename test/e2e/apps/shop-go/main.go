// The same shop as a binary that is alone in its image.
package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/signal"
	"syscall"
)

const file = "/var/lib/shop/uploads/note"

func shop(answer http.ResponseWriter, request *http.Request) {
	if request.URL.Path == "/up" {
		fmt.Fprintln(answer, "up")
		return
	}
	if request.Method == http.MethodPut {
		note, err := io.ReadAll(request.Body)
		if err == nil {
			err = os.WriteFile(file, note, 0o644)
		}
		if err != nil {
			http.Error(answer, err.Error(), http.StatusInternalServerError)
		}
		return
	}
	note, err := os.ReadFile(file)
	if err != nil {
		note = []byte("-")
	}
	fmt.Fprintf(answer, "Add to basket\n%s %s %s %s\n", os.Getenv("SHOP_URL"), os.Getenv("DATABASE_PASSWORD"), os.Getenv("COLOR"), note)
}

func main() {
	server := &http.Server{Addr: ":" + os.Getenv("PORT"), Handler: http.HandlerFunc(shop)}
	ends, _ := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	go func() {
		<-ends.Done()
		server.Shutdown(context.Background())
	}()
	if err := server.ListenAndServe(); err != http.ErrServerClosed {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
