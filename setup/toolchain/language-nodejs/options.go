package main

import (
	"fmt"

	"github.com/google/shlex"
	"google.golang.org/protobuf/types/known/structpb"
)

// options are those of `runtime.options` in Pulumi.yaml.
type options struct {
	typescript    bool
	tsconfig      string
	nodeArguments []string
}

func parseOptions(given *structpb.Struct) (options, error) {
	// Programs are TypeScript unless they say otherwise.
	parsed := options{typescript: true}
	for name, value := range given.AsMap() {
		switch name {
		case "typescript":
			typescript, ok := value.(bool)
			if !ok {
				return options{}, fmt.Errorf("runtime option `typescript` must be true or false, not %v", value)
			}
			parsed.typescript = typescript
		case "tsconfig":
			tsconfig, ok := value.(string)
			if !ok {
				return options{}, fmt.Errorf("runtime option `tsconfig` must be a path, not %v", value)
			}
			parsed.tsconfig = tsconfig
		case "nodeargs":
			text, ok := value.(string)
			if !ok {
				return options{}, fmt.Errorf("runtime option `nodeargs` must be a string, not %v", value)
			}
			arguments, err := shlex.Split(text)
			if err != nil {
				return options{}, fmt.Errorf("runtime option `nodeargs` is %q: %w", text, err)
			}
			parsed.nodeArguments = arguments
		}
	}
	return parsed, nil
}

// environment is how @pulumi/pulumi/cmd/run is told about them.
func (o options) environment() []string {
	var environment []string
	if o.typescript {
		environment = append(environment, "PULUMI_NODEJS_TYPESCRIPT=true")
	}
	if o.tsconfig != "" {
		environment = append(environment, "PULUMI_NODEJS_TSCONFIG_PATH="+o.tsconfig)
	}
	return environment
}
