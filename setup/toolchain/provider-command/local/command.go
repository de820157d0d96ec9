// Package local is the module `local` of @pulumi/command.
package local

import (
	"context"
	"fmt"
	"slices"

	provider "github.com/pulumi/pulumi-go-provider"
	"github.com/pulumi/pulumi-go-provider/infer"
	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
)

// Command runs a command of its own on each of create, update and delete.
type Command struct {
	// Closing ends when this process is told to end, and with it the commands that still run.
	Closing context.Context
}

type Inputs struct {
	Create   *string `pulumi:"create,optional"`
	Update   *string `pulumi:"update,optional"`
	Delete   *string `pulumi:"delete,optional"`
	Triggers *[]any  `pulumi:"triggers,optional" provider:"replaceOnChanges"`

	Interpreter            *[]string          `pulumi:"interpreter,optional"`
	Dir                    *string            `pulumi:"dir,optional"`
	Environment            *map[string]string `pulumi:"environment,optional"`
	Stdin                  *string            `pulumi:"stdin,optional"`
	Logging                *Logging           `pulumi:"logging,optional"`
	AddPreviousOutputInEnv *bool              `pulumi:"addPreviousOutputInEnv,optional"`

	AssetPaths   *[]string `pulumi:"assetPaths,optional"`
	ArchivePaths *[]string `pulumi:"archivePaths,optional"`
}

func (i *Inputs) Annotate(annotator infer.Annotator) {
	// The official provider writes this default into the state: with another one there, changing between the two would
	// show a difference on every command.
	annotator.SetDefault(&i.AddPreviousOutputInEnv, true)
}

type Output struct {
	Stdout string `pulumi:"stdout"`
	Stderr string `pulumi:"stderr"`
}

type State struct {
	Inputs
	Output
}

// Check refuses what this build can't do, rather than run the command and hand back less than was asked for.
func (*Command) Check(ctx context.Context, req infer.CheckRequest) (infer.CheckResponse[Inputs], error) {
	inputs, failures, err := infer.DefaultCheck[Inputs](ctx, req.NewInputs)
	for _, property := range []string{"assetPaths", "archivePaths"} {
		if _, given := req.NewInputs.GetOk(property); given {
			failures = append(failures, provider.CheckFailure{
				Property: property,
				Reason: fmt.Sprintf("%s is not in this build of the command provider, which was made from Go modules; "+
					"remove it, or install the official plugin: pulumi plugin install resource command", property),
			})
		}
	}
	allowed := (Logging("")).Values()
	if l := inputs.Logging; l != nil && !slices.ContainsFunc(allowed, func(v infer.EnumValue[Logging]) bool {
		return v.Value == *l
	}) {
		failures = append(failures, provider.CheckFailure{
			Property: "logging",
			Reason:   fmt.Sprintf("logging is %q; allowed: stdout, stderr, stdoutAndStderr, none", *l),
		})
	}
	return infer.CheckResponse[Inputs]{Inputs: inputs, Failures: failures}, err
}

// WireDependencies says that what a command prints may come from any of its inputs: a secret input makes it secret, a
// changed one leaves it unknown until the command has run.
func (*Command) WireDependencies(fields infer.FieldSelector, inputs *Inputs, state *State) {
	fields.OutputField(&state.Stdout).DependsOn(fields.InputField(inputs))
	fields.OutputField(&state.Stderr).DependsOn(fields.InputField(inputs))
}

func (c *Command) Create(ctx context.Context, req infer.CreateRequest[Inputs]) (infer.CreateResponse[State], error) {
	state := State{Inputs: req.Inputs}
	id, err := resource.NewUniqueHex(req.Name, 8, 0)
	if err == nil && !req.DryRun {
		state.Output, err = c.run(ctx, req.Inputs.Create, state)
	}
	return infer.CreateResponse[State]{ID: id, Output: state}, err
}

// Update answers a failure with nothing but an error, so the engine keeps the old inputs and the next run tries again.
func (c *Command) Update(
	ctx context.Context, req infer.UpdateRequest[Inputs, State],
) (infer.UpdateResponse[State], error) {
	state := State{Inputs: req.Inputs, Output: req.State.Output}
	command := req.Inputs.Update
	if command == nil {
		command = req.Inputs.Create
	}
	var err error
	if !req.DryRun {
		state.Output, err = c.run(ctx, command, state)
	}
	return infer.UpdateResponse[State]{Output: state}, err
}

func (c *Command) Delete(ctx context.Context, req infer.DeleteRequest[State]) (infer.DeleteResponse, error) {
	_, err := c.run(ctx, req.State.Delete, req.State)
	return infer.DeleteResponse{}, err
}
