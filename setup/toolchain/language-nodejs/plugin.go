package main

import (
	"encoding/json"
	"fmt"
	"maps"
	"runtime"
	"strconv"

	"github.com/pulumi/pulumi/sdk/v3"
	"github.com/pulumi/pulumi/sdk/v3/go/common/apitype"
	"github.com/pulumi/pulumi/sdk/v3/go/common/util/rpcutil"
	pulumirpc "github.com/pulumi/pulumi/sdk/v3/proto/go"
)

// RunPlugin runs what is written in TypeScript and is not a program: policy packs and providers.
func (h *host) RunPlugin(req *pulumirpc.RunPluginRequest, server pulumirpc.LanguageRuntime_RunPluginServer) error {
	streams, stdout, stderr, err := rpcutil.MakeRunPluginStreams(server, false)
	if err != nil {
		return err
	}
	defer streams.Close()

	directory := req.GetInfo().GetProgramDirectory()
	options, err := parseOptions(req.GetInfo().GetOptions())
	if err != nil {
		return err
	}
	plugin := node{
		environment: append(req.GetEnv(), options.environment()...),
		directory:   req.GetPwd(),
		stdout:      stdout,
		stderr:      stderr,
	}
	if req.GetKind() == string(apitype.AnalyzerPlugin) {
		return h.runPolicyPack(req, server, options, plugin)
	}
	script, err := locateScript("run-plugin", directory)
	if err != nil {
		return err
	}
	plugin.arguments = append(append(options.nodeArguments, script, directory), req.GetArgs()...)
	code, err := h.runNode(server.Context(), plugin)
	if err != nil {
		return err
	}
	return server.Send(&pulumirpc.RunPluginResponse{
		Output: &pulumirpc.RunPluginResponse_Exitcode{Exitcode: int32(code)},
	})
}

// runPolicyPack runs a policy pack, which learns of the stack from its environment: the engine is asked for the stack
// first, by a stand-in that then hands all else on to the pack.
func (h *host) runPolicyPack(
	req *pulumirpc.RunPluginRequest, server pulumirpc.LanguageRuntime_RunPluginServer, options options, pack node,
) error {
	ctx := server.Context()
	directory := req.GetInfo().GetProgramDirectory()
	script, err := locateScript("run-policy-pack", directory)
	if err != nil {
		return err
	}
	standIn, stdout, err := sdk.NewPolicyProxy(ctx, pack.stdout)
	if err != nil {
		return fmt.Errorf("policy pack: %w", err)
	}
	stack, err := standIn.AwaitConfiguration(ctx)
	if err != nil {
		return fmt.Errorf("policy pack: %w", err)
	}
	if stack != nil {
		config, err := json.Marshal(maps.Collect(maps.All(stack.GetConfig())))
		if err != nil {
			return err
		}
		pack.environment = append(pack.environment,
			"PULUMI_NODEJS_ORGANIZATION="+stack.GetOrganization(),
			"PULUMI_NODEJS_PROJECT="+stack.GetProject(),
			"PULUMI_NODEJS_STACK="+stack.GetStack(),
			"PULUMI_NODEJS_DRY_RUN="+strconv.FormatBool(stack.GetDryRun()),
			"PULUMI_CONFIG="+string(config))
	}
	pack.stdout = stdout
	pack.directory = directory
	pack.arguments = append(append(options.nodeArguments, script), append(req.GetArgs(), directory)...)

	command, cancel, err := h.command(ctx, pack)
	if err != nil {
		return err
	}
	defer cancel()
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	if err := command.Start(); err != nil {
		return fmt.Errorf("policy pack: %w", err)
	}
	return standIn.Attach(ctx, command)
}
