package main

import (
	"context"
	"encoding/json"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"

	"github.com/pulumi/pulumi/sdk/v3/go/common/util/rpcutil"
	pulumirpc "github.com/pulumi/pulumi/sdk/v3/proto/go"
	"google.golang.org/protobuf/types/known/emptypb"
)

// version is that of the engine and of @pulumi/pulumi: the three move together.
const version = "3.259.0"

type host struct {
	pulumirpc.UnimplementedLanguageRuntimeServer

	// serving ends with this process; running ends with Cancel too. Programs run within `running`.
	serving     context.Context
	stopServing context.CancelFunc
	running     context.Context
	stopRunning context.CancelFunc
	tracing     string

	mutex         sync.Mutex
	engineAddress string
}

func newHost(serving context.Context, stopServing context.CancelFunc, tracing string) *host {
	running, stopRunning := context.WithCancel(serving)
	return &host{
		serving:     serving,
		stopServing: stopServing,
		running:     running,
		stopRunning: stopRunning,
		tracing:     tracing,
	}
}

// attach remembers the engine, and ends this process once that engine is gone.
func (h *host) attach(engineAddress string) error {
	h.mutex.Lock()
	defer h.mutex.Unlock()
	if engineAddress == "" || engineAddress == h.engineAddress {
		return nil
	}
	h.engineAddress = engineAddress
	return rpcutil.Healthcheck(h.serving, engineAddress, engineCheckInterval, h.stopServing)
}

func (h *host) engine() string {
	h.mutex.Lock()
	defer h.mutex.Unlock()
	return h.engineAddress
}

// Handshake is how an engine that attaches to a running host says where it is; one that starts the host says so in the
// arguments.
func (h *host) Handshake(_ context.Context, req *pulumirpc.LanguageHandshakeRequest) (
	*pulumirpc.LanguageHandshakeResponse, error,
) {
	return &pulumirpc.LanguageHandshakeResponse{}, h.attach(req.GetEngineAddress())
}

func (h *host) GetPluginInfo(context.Context, *emptypb.Empty) (*pulumirpc.PluginInfo, error) {
	return &pulumirpc.PluginInfo{Version: version}, nil
}

func (h *host) Cancel(context.Context, *emptypb.Empty) (*emptypb.Empty, error) {
	h.stopRunning()
	return &emptypb.Empty{}, nil
}

func (h *host) GetRequiredPackages(_ context.Context, req *pulumirpc.GetRequiredPackagesRequest) (
	*pulumirpc.GetRequiredPackagesResponse, error,
) {
	return &pulumirpc.GetRequiredPackagesResponse{Packages: requiredPackages(req.GetInfo())}, nil
}

// Run runs a program to its end. What goes wrong with the program is part of the answer, not an error of the call.
func (h *host) Run(ctx context.Context, req *pulumirpc.RunRequest) (*pulumirpc.RunResponse, error) {
	code, err := h.run(ctx, req)
	switch {
	case err != nil:
		return &pulumirpc.RunResponse{Error: err.Error()}, nil
	case code == exitAfterReporting:
		return &pulumirpc.RunResponse{Bail: true}, nil
	case code != 0:
		return &pulumirpc.RunResponse{Error: "Program exited with non-zero exit code: " + strconv.Itoa(code)}, nil
	}
	return &pulumirpc.RunResponse{}, nil
}

func (h *host) run(ctx context.Context, req *pulumirpc.RunRequest) (int, error) {
	directory := req.GetInfo().GetProgramDirectory()
	options, err := parseOptions(req.GetInfo().GetOptions())
	if err != nil {
		return 0, err
	}
	script, err := locateScript("run", directory)
	if err != nil {
		return 0, err
	}
	// Never null: the program expects an object and a list.
	config, err := json.Marshal(maps.Collect(maps.All(req.GetConfig())))
	if err != nil {
		return 0, err
	}
	secretKeys, err := json.Marshal(append([]string{}, req.GetConfigSecretKeys()...))
	if err != nil {
		return 0, err
	}
	arguments := append(options.nodeArguments, script)
	arguments = append(arguments, h.runArguments(req)...)
	return h.runNode(ctx, node{
		arguments: arguments,
		environment: append(options.environment(),
			"PULUMI_CONFIG="+string(config),
			"PULUMI_CONFIG_SECRET_KEYS="+string(secretKeys)),
		stdout: os.Stdout,
		stderr: os.Stderr,
	})
}

// runArguments are those of @pulumi/pulumi/cmd/run: its flags, the program, and the program's own arguments.
func (h *host) runArguments(req *pulumirpc.RunRequest) []string {
	var arguments []string
	flag := func(name, value string) {
		if value != "" {
			arguments = append(arguments, "--"+name, value)
		}
	}
	flag("monitor", req.GetMonitorAddress())
	flag("engine", h.engine())
	flag("organization", req.GetOrganization())
	flag("project", req.GetProject())
	flag("root-directory", req.GetInfo().GetRootDirectory())
	flag("stack", req.GetStack())
	flag("pwd", req.GetInfo().GetProgramDirectory())
	flag("parallel", strconv.Itoa(int(req.GetParallel())))
	flag("tracing", h.tracing)
	if req.GetDryRun() {
		arguments = append(arguments, "--dry-run")
	}
	arguments = append(arguments, req.GetInfo().GetEntryPoint())
	return append(arguments, req.GetArgs()...)
}

// InstallDependencies is `pulumi install`: what the lock file says where there is one.
func (h *host) InstallDependencies(
	req *pulumirpc.InstallDependenciesRequest, server pulumirpc.LanguageRuntime_InstallDependenciesServer,
) error {
	streams, stdout, stderr, err := rpcutil.MakeInstallDependenciesStreams(server, req.GetIsTerminal())
	if err != nil {
		return err
	}
	defer streams.Close()

	directory := req.GetInfo().GetProgramDirectory()
	install := "install"
	if _, err := os.Stat(filepath.Join(directory, "package-lock.json")); err == nil {
		install = "ci"
	}
	npm := exec.CommandContext(server.Context(), "npm", install)
	npm.Dir, npm.Stdout, npm.Stderr = directory, stdout, stderr
	return npm.Run()
}

func (h *host) About(ctx context.Context, _ *pulumirpc.AboutRequest) (*pulumirpc.AboutResponse, error) {
	path, err := exec.LookPath("node")
	if err != nil {
		return nil, errNoNode
	}
	version, err := exec.CommandContext(ctx, path, "--version").Output()
	if err != nil {
		return nil, err
	}
	return &pulumirpc.AboutResponse{Executable: path, Version: strings.TrimSpace(string(version))}, nil
}

func (h *host) GetProgramDependencies(_ context.Context, req *pulumirpc.GetProgramDependenciesRequest) (
	*pulumirpc.GetProgramDependenciesResponse, error,
) {
	dependencies, err := programDependencies(req.GetInfo().GetProgramDirectory(), req.GetTransitiveDependencies())
	return &pulumirpc.GetProgramDependenciesResponse{Dependencies: dependencies}, err
}
