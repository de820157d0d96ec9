// The command resource provider: `command:local:Command` as the npm package @pulumi/command knows it, for machines that
// can fetch Go modules and not the official plugin.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/pulumi/pulumi-go-provider/infer"

	"blue-green/toolchain/provider-command/local"
)

// version is that of the npm package @pulumi/command: the engine looks for the plugin by it.
const version = "1.2.1"

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	provider := infer.Provider(infer.Options{
		Resources: []infer.InferredResource{infer.Resource(&local.Command{Closing: ctx})},
	})
	if err := provider.Run(ctx, "command", version); err != nil {
		fmt.Fprintln(os.Stderr, "pulumi-resource-command:", err)
		os.Exit(1)
	}
}
