// The language host for Node.js programs: what stands between Pulumi's engine and `node`. It starts the program and
// hands it the engine's own addresses, so that whatever the engine and the program agree on (resource hooks, policies)
// needs nothing from here.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/pulumi/pulumi/sdk/v3/go/common/util/rpcutil"
	pulumirpc "github.com/pulumi/pulumi/sdk/v3/proto/go"
	"google.golang.org/grpc"
)

// engineCheckInterval is how often the host looks whether the engine that started it still lives.
const engineCheckInterval = 10 * time.Second

func main() {
	tracing := flag.String("tracing", "", "the address that traces go to, handed on to the program")
	flag.Parse()
	if err := serve(flag.Arg(0), *tracing); err != nil {
		fmt.Fprintln(os.Stderr, "pulumi-language-nodejs:", err)
		os.Exit(1)
	}
}

// serve answers the engine until a signal comes or the engine is gone. Both end the programs that still run.
func serve(engineAddress, tracing string) error {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	host := newHost(ctx, stop, tracing)
	if err := host.attach(engineAddress); err != nil {
		return err
	}

	stopServing := make(chan bool)
	context.AfterFunc(ctx, func() { close(stopServing) })
	server, err := rpcutil.ServeWithOptions(rpcutil.ServeOptions{
		Cancel: stopServing,
		Init: func(server *grpc.Server) error {
			pulumirpc.RegisterLanguageRuntimeServer(server, host)
			return nil
		},
	})
	if err != nil {
		return err
	}
	// The engine reads the port from the first line, and the program's own output from all that follow.
	fmt.Println(server.Port)
	return <-server.Done
}
