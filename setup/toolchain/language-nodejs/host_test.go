package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	pulumirpc "github.com/pulumi/pulumi/sdk/v3/proto/go"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/protobuf/types/known/emptypb"
	"google.golang.org/protobuf/types/known/structpb"
)

// executable is the language host, built once: these tests talk to it as the engine does.
var executable string

func TestMain(m *testing.M) {
	code, err := func() (int, error) {
		directory, err := os.MkdirTemp("", "language-nodejs-*")
		if err != nil {
			return 1, err
		}
		defer os.RemoveAll(directory)
		executable = filepath.Join(directory, "pulumi-language-nodejs")
		if output, err := exec.Command("go", "build", "-o", executable, ".").CombinedOutput(); err != nil {
			return 1, fmt.Errorf("%w: %s", err, output)
		}
		return m.Run(), nil
	}()
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
	}
	os.Exit(code)
}

// program is a folder with a program, an SDK that was installed, and a `node` that does what the test wants instead of
// running anything.
type program struct {
	directory string
	bin       string
}

func newProgram(t *testing.T, node string) program {
	t.Helper()
	p := program{directory: t.TempDir(), bin: t.TempDir()}
	for _, script := range []string{"run", "run-plugin"} {
		if err := os.MkdirAll(filepath.Join(p.directory, "node_modules/@pulumi/pulumi/cmd", script), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(filepath.Join(p.bin, "node"), []byte("#!/bin/sh\n"+node), 0o755); err != nil {
		t.Fatal(err)
	}
	return p
}

func (p program) info(options map[string]any) *pulumirpc.ProgramInfo {
	converted, err := structpb.NewStruct(options)
	if err != nil {
		panic(err)
	}
	return &pulumirpc.ProgramInfo{
		RootDirectory: p.directory, ProgramDirectory: p.directory, EntryPoint: ".", Options: converted,
	}
}

func (p program) read(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(p.directory, name))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// waitFor is what a file holds once it is there.
func (p program) waitFor(t *testing.T, name string) string {
	t.Helper()
	for range 500 {
		if text, err := os.ReadFile(filepath.Join(p.directory, name)); err == nil && len(text) > 0 {
			return strings.TrimSpace(string(text))
		}
		time.Sleep(20 * time.Millisecond)
	}
	t.Fatalf("the program did not write %s", name)
	return ""
}

type languageHost struct {
	process *os.Process
	client  pulumirpc.LanguageRuntimeClient
	output  *bufio.Reader
}

// start runs the language host as the engine does: with the engine's address, and reading the port from its output.
func start(t *testing.T, p program, engine string) languageHost {
	t.Helper()
	command := exec.Command(executable, engine)
	command.Dir = p.directory
	command.Env = append(os.Environ(), "PATH="+p.bin+":/usr/bin:/bin", "HERE="+p.directory)
	command.Stderr = os.Stderr
	stdout, err := command.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = command.Process.Kill()
		_ = command.Wait()
	})
	output := bufio.NewReader(stdout)
	line, err := output.ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	port, err := strconv.Atoi(strings.TrimSuffix(line, "\n"))
	if err != nil {
		t.Fatalf("the first line of the output is %q, want a port", line)
	}
	connection, err := grpc.NewClient("127.0.0.1:"+strconv.Itoa(port),
		grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = connection.Close() })
	return languageHost{command.Process, pulumirpc.NewLanguageRuntimeClient(connection), output}
}

// fakeEngine answers nothing, but it is there.
func fakeEngine(t *testing.T) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := grpc.NewServer()
	t.Cleanup(server.Stop)
	go func() { _ = server.Serve(listener) }()
	return listener.Addr().String()
}

func run(t *testing.T, p program, request *pulumirpc.RunRequest) *pulumirpc.RunResponse {
	t.Helper()
	answer, err := start(t, p, fakeEngine(t)).client.Run(t.Context(), request)
	if err != nil {
		t.Fatal(err)
	}
	return answer
}

// record has the program write down what it was started with.
const record = `for a in "$@"; do echo "$a"; done >"$HERE/arguments"; env >"$HERE/environment"`

func TestItSaysItsVersion(t *testing.T) {
	answer, err := start(t, newProgram(t, ""), "").client.GetPluginInfo(t.Context(), &emptypb.Empty{})
	if err != nil || answer.GetVersion() != version {
		t.Errorf("answer is %v, %v", answer, err)
	}
}

func TestRunHandsTheProgramAllThatTheEngineSaid(t *testing.T) {
	p := newProgram(t, record)
	engine := fakeEngine(t)
	answer, err := start(t, p, engine).client.Run(t.Context(), &pulumirpc.RunRequest{
		MonitorAddress: "127.0.0.1:1", Organization: "org", Project: "project", Stack: "dev", Parallel: 8, DryRun: true,
		Args:             []string{"--own", "argument of its own"},
		Config:           map[string]string{"project:color": "blue", "project:token": "hunter2"},
		ConfigSecretKeys: []string{"project:token"},
		Info:             p.info(nil),
	})
	if err != nil || answer.GetError() != "" || answer.GetBail() {
		t.Fatalf("answer is %v, %v", answer, err)
	}
	want := []string{
		filepath.Join(p.directory, "node_modules/@pulumi/pulumi/cmd/run"),
		"--monitor", "127.0.0.1:1", "--engine", engine, "--organization", "org", "--project", "project",
		"--root-directory", p.directory, "--stack", "dev", "--pwd", p.directory, "--parallel", "8", "--dry-run",
		".", "--own", "argument of its own",
	}
	if got := strings.Split(strings.TrimSpace(p.read(t, "arguments")), "\n"); !slices.Equal(got, want) {
		t.Errorf("arguments are\n%q, want\n%q", got, want)
	}
	environment := strings.Split(p.read(t, "environment"), "\n")
	for _, want := range []string{
		`PULUMI_CONFIG={"project:color":"blue","project:token":"hunter2"}`,
		`PULUMI_CONFIG_SECRET_KEYS=["project:token"]`,
		"PULUMI_NODEJS_TYPESCRIPT=true",
	} {
		if !slices.Contains(environment, want) {
			t.Errorf("the environment lacks %s", want)
		}
	}
}

func TestRunWithoutConfigurationOrDryRunSaysSo(t *testing.T) {
	p := newProgram(t, record)
	run(t, p, &pulumirpc.RunRequest{MonitorAddress: "127.0.0.1:1", Info: p.info(nil)})
	if strings.Contains(p.read(t, "arguments"), "--dry-run") {
		t.Error("the program was told that this is a preview")
	}
	environment := p.read(t, "environment")
	if !strings.Contains(environment, "PULUMI_CONFIG={}\n") || !strings.Contains(environment, "PULUMI_CONFIG_SECRET_KEYS=[]\n") {
		t.Error("an empty configuration is not an empty object and an empty list")
	}
}

func TestRuntimeOptionsReachNode(t *testing.T) {
	p := newProgram(t, record)
	run(t, p, &pulumirpc.RunRequest{Info: p.info(map[string]any{
		"typescript": false, "tsconfig": "tsconfig.stack.json", "nodeargs": `--import tsx --title="two words"`,
	})})
	arguments := strings.Split(p.read(t, "arguments"), "\n")
	want := []string{"--import", "tsx", "--title=two words", filepath.Join(p.directory, "node_modules/@pulumi/pulumi/cmd/run")}
	if !slices.Equal(arguments[:4], want) {
		t.Errorf("arguments are %q, want first %q", arguments, want)
	}
	environment := p.read(t, "environment")
	if strings.Contains(environment, "PULUMI_NODEJS_TYPESCRIPT") {
		t.Error("TypeScript is on although it was switched off")
	}
	if !strings.Contains(environment, "PULUMI_NODEJS_TSCONFIG_PATH=tsconfig.stack.json\n") {
		t.Error("the environment lacks the tsconfig")
	}
}

func TestAWrongRuntimeOptionIsNamed(t *testing.T) {
	p := newProgram(t, record)
	answer := run(t, p, &pulumirpc.RunRequest{Info: p.info(map[string]any{"typescript": "yes"})})
	if want := "runtime option `typescript` must be true or false, not yes"; answer.GetError() != want {
		t.Errorf("error is %q, want %q", answer.GetError(), want)
	}
}

func TestTheExitCodeSaysHowTheProgramEnded(t *testing.T) {
	for code, want := range map[int]*pulumirpc.RunResponse{
		0:  {},
		1:  {Error: "Program exited with non-zero exit code: 1"},
		32: {Bail: true},
	} {
		p := newProgram(t, "exit "+strconv.Itoa(code))
		answer := run(t, p, &pulumirpc.RunRequest{Info: p.info(nil)})
		if answer.GetError() != want.GetError() || answer.GetBail() != want.GetBail() {
			t.Errorf("exit code %d: answer is %v, want %v", code, answer, want)
		}
	}
}

func TestTheProgramsOutputFollowsThePort(t *testing.T) {
	p := newProgram(t, "echo from the program")
	host := start(t, p, fakeEngine(t))
	if _, err := host.client.Run(t.Context(), &pulumirpc.RunRequest{Info: p.info(nil)}); err != nil {
		t.Fatal(err)
	}
	if line, err := host.output.ReadString('\n'); line != "from the program\n" {
		t.Errorf("the output is %q, %v", line, err)
	}
}

func TestAMissingSDKIsNamedWithTheCommandThatMendsIt(t *testing.T) {
	p := newProgram(t, record)
	if err := os.RemoveAll(filepath.Join(p.directory, "node_modules")); err != nil {
		t.Fatal(err)
	}
	message := run(t, p, &pulumirpc.RunRequest{Info: p.info(nil)}).GetError()
	if !strings.Contains(message, "@pulumi/pulumi is not installed") || !strings.Contains(message, "npm ci") {
		t.Errorf("error is %q", message)
	}
}

func TestAMissingNodeIsNamed(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	_, _, err := newHost(t.Context(), func() {}, "").command(t.Context(), node{})
	if !errors.Is(err, errNoNode) {
		t.Errorf("error is %v", err)
	}
}

func TestTheSDKOfAFolderAboveIsFound(t *testing.T) {
	p := newProgram(t, "")
	below := filepath.Join(p.directory, "stacks", "one")
	got, err := locateScript("run", below)
	if want := filepath.Join(p.directory, "node_modules/@pulumi/pulumi/cmd/run"); got != want || err != nil {
		t.Errorf("found %q, %v, want %q", got, err, want)
	}
}

// wait has the program say its process, and then run until it is told to end.
const wait = `echo $$ >"$HERE/id"; trap 'echo interrupted >"$HERE/trap"; exit 1' INT; while :; do sleep 0.05; done`

// startWaiting runs such a program, and says its process once it runs.
func startWaiting(t *testing.T) (languageHost, program, int, chan *pulumirpc.RunResponse) {
	t.Helper()
	p := newProgram(t, wait)
	host := start(t, p, fakeEngine(t))
	ended := make(chan *pulumirpc.RunResponse, 1)
	go func() {
		answer, _ := host.client.Run(context.Background(), &pulumirpc.RunRequest{Info: p.info(nil)})
		ended <- answer
	}()
	id, err := strconv.Atoi(p.waitFor(t, "id"))
	if err != nil {
		t.Fatal(err)
	}
	return host, p, id, ended
}

func expectEnded(t *testing.T, id int) {
	t.Helper()
	for range 300 {
		status, err := os.ReadFile("/proc/" + strconv.Itoa(id) + "/stat")
		if err != nil || strings.Contains(string(status), ") Z ") {
			return
		}
		time.Sleep(20 * time.Millisecond)
	}
	t.Errorf("the program still runs as process %d", id)
	_ = syscall.Kill(id, syscall.SIGKILL)
}

func TestCancelInterruptsTheProgram(t *testing.T) {
	host, p, id, ended := startWaiting(t)
	if _, err := host.client.Cancel(t.Context(), &emptypb.Empty{}); err != nil {
		t.Fatal(err)
	}
	select {
	case answer := <-ended:
		if answer.GetError() == "" {
			t.Errorf("a cancelled program ended with %v", answer)
		}
	case <-time.After(gracePeriod):
		t.Error("the program was not interrupted")
	}
	expectEnded(t, id)
	if got := p.waitFor(t, "trap"); got != "interrupted" {
		t.Errorf("the program was ended by %q", got)
	}
}

func TestTheProgramEndsWithTheHost(t *testing.T) {
	for _, signal := range []syscall.Signal{syscall.SIGINT, syscall.SIGTERM, syscall.SIGKILL} {
		t.Run(signal.String(), func(t *testing.T) {
			host, _, id, _ := startWaiting(t)
			if err := host.process.Signal(signal); err != nil {
				t.Fatal(err)
			}
			expectEnded(t, id)
		})
	}
}

func TestRunPluginStreamsTheOutputAndTheExitCode(t *testing.T) {
	p := newProgram(t, record+`; echo out; echo err >&2; exit 3`)
	stream, err := start(t, p, fakeEngine(t)).client.RunPlugin(t.Context(), &pulumirpc.RunPluginRequest{
		Pwd: p.directory, Kind: "resource", Args: []string{"127.0.0.1:1"}, Env: []string{"OWN=1"}, Info: p.info(nil),
	})
	if err != nil {
		t.Fatal(err)
	}
	var stdout, stderr string
	code := int32(-1)
	for {
		answer, err := stream.Recv()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		stdout += string(answer.GetStdout())
		stderr += string(answer.GetStderr())
		if _, ok := answer.GetOutput().(*pulumirpc.RunPluginResponse_Exitcode); ok {
			code = answer.GetExitcode()
		}
	}
	if stdout != "out\n" || stderr != "err\n" || code != 3 {
		t.Errorf("output is %q, %q, exit code %d", stdout, stderr, code)
	}
	want := filepath.Join(p.directory, "node_modules/@pulumi/pulumi/cmd/run-plugin") + "\n" + p.directory + "\n127.0.0.1:1\n"
	if got := p.read(t, "arguments"); got != want {
		t.Errorf("arguments are %q, want %q", got, want)
	}
	if !strings.Contains(p.read(t, "environment"), "OWN=1\n") {
		t.Error("the environment lacks what the engine added")
	}
}
