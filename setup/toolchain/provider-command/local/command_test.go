package local

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/blang/semver"
	provider "github.com/pulumi/pulumi-go-provider"
	"github.com/pulumi/pulumi-go-provider/infer"
	"github.com/pulumi/pulumi-go-provider/integration"
	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	"github.com/pulumi/pulumi/sdk/v3/go/property"
)

const urn = resource.URN("urn:pulumi:dev::test::command:local:Command::name")

// serve has the provider answer as it answers the engine, with all that lies between the two.
func serve(t *testing.T, closing context.Context) integration.Server {
	t.Helper()
	server, err := integration.NewServer(t.Context(), "command", semver.MustParse("1.2.1"),
		integration.WithProvider(infer.Provider(infer.Options{
			Resources: []infer.InferredResource{infer.Resource(&Command{Closing: closing})},
		})))
	if err != nil {
		t.Fatal(err)
	}
	return server
}

func inputs(pairs ...any) property.Map {
	values := map[string]property.Value{}
	for i := 0; i < len(pairs); i += 2 {
		name := pairs[i].(string)
		switch value := pairs[i+1].(type) {
		case string:
			values[name] = property.New(value)
		case bool:
			values[name] = property.New(value)
		case map[string]property.Value:
			values[name] = property.New(value)
		case []property.Value:
			values[name] = property.New(value)
		case property.Value:
			values[name] = value
		}
	}
	return property.NewMap(values)
}

func create(t *testing.T, given property.Map) property.Map {
	t.Helper()
	answer, err := serve(t, t.Context()).Create(provider.CreateRequest{Urn: urn, Properties: given})
	if err != nil {
		t.Fatal(err)
	}
	return answer.Properties
}

func update(t *testing.T, state, given property.Map) (property.Map, error) {
	t.Helper()
	answer, err := serve(t, t.Context()).Update(provider.UpdateRequest{ID: "id", Urn: urn, State: state, Inputs: given})
	return answer.Properties, err
}

func expect(t *testing.T, state property.Map, name, want string) {
	t.Helper()
	value := state.Get(name)
	if !value.IsString() || value.AsString() != want {
		t.Errorf("%s is %#v, want %q", name, value, want)
	}
}

func TestCreateRunsTheCommandWithAllThatWasGiven(t *testing.T) {
	directory, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	state := create(t, inputs(
		"create", `printf '%s|' "$GREETING" "$PWD" "$0"; cat; echo to stderr >&2`,
		"stdin", "line 1\nline 2\n",
		"dir", directory,
		"environment", map[string]property.Value{"GREETING": property.New("hello")},
		"interpreter", []property.Value{property.New("/bin/sh"), property.New("-c")},
	))
	expect(t, state, "stdout", "hello|"+directory+"|/bin/sh|line 1\nline 2")
	expect(t, state, "stderr", "to stderr")
	expect(t, state, "stdin", "line 1\nline 2\n")
}

func TestTheInterpreterIsGivenTheCommandAsItsLastArgument(t *testing.T) {
	state := create(t, inputs(
		"create", "the command",
		"interpreter", []property.Value{property.New("/bin/echo"), property.New("-n"), property.New("first")},
	))
	expect(t, state, "stdout", "first the command")
}

func TestPreviewsRunNothing(t *testing.T) {
	mark := filepath.Join(t.TempDir(), "mark")
	given := inputs("create", "touch "+mark, "stdin", "new")
	server := serve(t, t.Context())
	created, err := server.Create(provider.CreateRequest{Urn: urn, Properties: given, DryRun: true})
	if err != nil {
		t.Fatal(err)
	}
	old := inputs("create", "touch "+mark, "stdin", "old", "stdout", "x", "stderr", "y")
	updated, err := server.Update(provider.UpdateRequest{ID: "id", Urn: urn, State: old, Inputs: given, DryRun: true})
	if err != nil {
		t.Fatal(err)
	}
	for _, state := range []property.Map{created.Properties, updated.Properties} {
		if !state.Get("stdout").IsComputed() || !state.Get("stderr").IsComputed() {
			t.Errorf("outputs are known before the command has run: %v", state)
		}
		expect(t, state, "stdin", "new")
	}
	if _, err := os.Stat(mark); err == nil {
		t.Error("a preview ran the command")
	}
}

func TestUpdateRunsUpdateElseCreateElseNothing(t *testing.T) {
	old := inputs("stdout", "old out", "stderr", "old err")
	for name, test := range map[string]struct {
		given property.Map
		want  string
	}{
		"update":  {inputs("create", "echo create", "update", "echo update"), "update"},
		"create":  {inputs("create", "echo create"), "create"},
		"nothing": {inputs("stdin", "x"), "old out"},
	} {
		t.Run(name, func(t *testing.T) {
			state, err := update(t, old, test.given)
			if err != nil {
				t.Fatal(err)
			}
			expect(t, state, "stdout", test.want)
		})
	}
}

func TestAFailureSaysTheExitStatusTheCommandAndAllOutput(t *testing.T) {
	old := inputs("create", "true", "stdout", "", "stderr", "")
	state, err := update(t, old, inputs("create", "echo seen; exit 7"))
	const want = "exit status 7: running \"echo seen; exit 7\":\nseen\n"
	if err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("error is %v, want %q", err, want)
	}
	// A state beside the error would replace the old inputs, and the next run would not try again.
	if state.Len() != 0 {
		t.Errorf("a failed update answered a state: %v", state)
	}
}

func TestAMissingDirectoryIsAnError(t *testing.T) {
	_, err := update(t, inputs("stdout", "", "stderr", ""), inputs("create", "true", "dir", "/does/not/exist"))
	if err == nil || !strings.Contains(err.Error(), "/does/not/exist") {
		t.Errorf("error is %v", err)
	}
}

func TestThePreviousOutputIsInTheEnvironmentUnlessSwitchedOff(t *testing.T) {
	old := inputs("stdout", "old out", "stderr", "old err")
	const show = `echo "$PULUMI_COMMAND_STDOUT/$PULUMI_COMMAND_STDERR"`
	state, err := update(t, old, inputs("create", show))
	if err != nil {
		t.Fatal(err)
	}
	expect(t, state, "stdout", "old out/old err")
	state, err = update(t, old, inputs("create", show, "addPreviousOutputInEnv", false))
	if err != nil {
		t.Fatal(err)
	}
	expect(t, state, "stdout", "/")
}

func TestDeleteRunsWithWhatCreatePrinted(t *testing.T) {
	mark := filepath.Join(t.TempDir(), "mark")
	server := serve(t, t.Context())
	err := server.Delete(provider.DeleteRequest{ID: "id", Urn: urn, Properties: inputs(
		"delete", `echo "gone: $PULUMI_COMMAND_STDOUT" >`+mark, "stdout", "created", "stderr", "")})
	if err != nil {
		t.Fatal(err)
	}
	if text, _ := os.ReadFile(mark); string(text) != "gone: created\n" {
		t.Errorf("delete wrote %q", text)
	}
	if err := server.Delete(provider.DeleteRequest{ID: "id", Urn: urn, Properties: inputs(
		"create", "exit 1", "stdout", "", "stderr", "")}); err != nil {
		t.Errorf("a delete without a command failed: %v", err)
	}
}

func TestASecretInputMakesTheOutputsSecretAndStaysSecretItself(t *testing.T) {
	state := create(t, inputs("create", "echo $TOKEN", "environment", map[string]property.Value{
		"TOKEN": property.New("hunter2").WithSecret(true),
		"PLAIN": property.New("plain"),
	}))
	if !state.Get("stdout").Secret() || !state.Get("stderr").Secret() {
		t.Errorf("outputs are not secret: %v", state)
	}
	environment := state.Get("environment").AsMap()
	if !environment.Get("TOKEN").Secret() || environment.Get("PLAIN").Secret() {
		t.Errorf("environment is %v", environment)
	}
	state = create(t, inputs("create", "echo plain"))
	if state.Get("stdout").Secret() {
		t.Error("the output is secret without a secret input")
	}
}

func diff(t *testing.T, old, new property.Map) provider.DiffResponse {
	t.Helper()
	answer, err := serve(t, t.Context()).Diff(provider.DiffRequest{ID: "id", Urn: urn, State: old, OldInputs: old, Inputs: new})
	if err != nil {
		t.Fatal(err)
	}
	return answer
}

func TestDiffNamesWhatChangedAndOnlyThat(t *testing.T) {
	environment := func(color string) map[string]property.Value {
		return map[string]property.Value{"COLOR": property.New(color), "SAME": property.New("x")}
	}
	old := inputs("create", "true", "stdin", "old", "environment", environment("blue"))
	if answer := diff(t, old, old); answer.HasChanges || len(answer.DetailedDiff) != 0 {
		t.Errorf("unchanged inputs differ: %v", answer)
	}
	answer := diff(t, old, inputs("create", "true", "stdin", "new", "environment", environment("green")))
	var changed []string
	for path, difference := range answer.DetailedDiff {
		changed = append(changed, path)
		if difference.Kind != provider.Update {
			t.Errorf("%s is %s, want an update", path, difference.Kind)
		}
	}
	slices.Sort(changed)
	if !slices.Equal(changed, []string{"environment.COLOR", "stdin"}) {
		t.Errorf("changed are %v", changed)
	}
}

func TestNewTriggersReplace(t *testing.T) {
	answer := diff(t, inputs("create", "true"), inputs("create", "true", "triggers", []property.Value{property.New("1")}))
	if kind := answer.DetailedDiff["triggers"].Kind; kind != provider.AddReplace {
		t.Errorf("new triggers are %q, want a replacement: %v", kind, answer)
	}
}

func TestCheckRefusesWhatThisBuildCannotDo(t *testing.T) {
	for name, given := range map[string]property.Map{
		"assetPaths":   inputs("assetPaths", []property.Value{property.New("*.txt")}),
		"archivePaths": inputs("archivePaths", []property.Value{property.New("*.txt")}),
		"logging":      inputs("logging", "loud"),
	} {
		t.Run(name, func(t *testing.T) {
			answer, err := serve(t, t.Context()).Check(provider.CheckRequest{Urn: urn, Inputs: given})
			if err != nil {
				t.Fatal(err)
			}
			if len(answer.Failures) != 1 || answer.Failures[0].Property != name {
				t.Errorf("failures are %v", answer.Failures)
			}
		})
	}
	answer, err := serve(t, t.Context()).Check(provider.CheckRequest{Urn: urn, Inputs: inputs("logging", "none")})
	if err != nil || len(answer.Failures) != 0 || !answer.Inputs.Get("addPreviousOutputInEnv").AsBool() {
		t.Errorf("answer is %v, %v", answer, err)
	}
}

// startGroup has a server run a shell with a child, and says the ids of both once they run.
func startGroup(t *testing.T, server integration.Server, trap string) (ids []int, ended chan error) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "ids")
	ended = make(chan error, 1)
	go func() {
		_, err := server.Create(provider.CreateRequest{Urn: urn, Properties: inputs(
			"create", trap+`; sleep 300 & echo $$ $! >`+file+`.new; mv `+file+`.new `+file+`; wait; wait`)})
		ended <- err
	}()
	for range 500 {
		if text, err := os.ReadFile(file); err == nil {
			for id := range strings.FieldsSeq(string(text)) {
				number, err := strconv.Atoi(id)
				if err != nil {
					t.Fatal(err)
				}
				ids = append(ids, number)
			}
			return ids, ended
		}
		time.Sleep(20 * time.Millisecond)
	}
	t.Fatal("the command did not start")
	return nil, nil
}

func expectEnded(t *testing.T, ids []int, ended chan error, within time.Duration) {
	t.Helper()
	select {
	case err := <-ended:
		if err == nil || !strings.Contains(err.Error(), "context canceled") {
			t.Errorf("a cancelled command ended with %v", err)
		}
	case <-time.After(within):
		t.Fatalf("the command still runs after %s", within)
	}
	for _, id := range ids {
		for attempt := 0; runs(id); attempt++ {
			if attempt == 50 {
				t.Errorf("process %d still runs", id)
				_ = syscall.Kill(id, syscall.SIGKILL)
				break
			}
			// A killed process takes a moment to go.
			time.Sleep(20 * time.Millisecond)
		}
	}
}

// runs says whether a process is alive; one that has ended and that nobody has waited for is not.
func runs(id int) bool {
	status, err := os.ReadFile("/proc/" + strconv.Itoa(id) + "/stat")
	return err == nil && !strings.Contains(string(status), ") Z ")
}

func TestCancelEndsTheWholeProcessGroup(t *testing.T) {
	server := serve(t, t.Context())
	ids, ended := startGroup(t, server, "true")
	if err := server.Cancel(); err != nil {
		t.Fatal(err)
	}
	expectEnded(t, ids, ended, gracePeriod)
}

func TestCancelLetsTheCommandCleanUp(t *testing.T) {
	mark := filepath.Join(t.TempDir(), "mark")
	server := serve(t, t.Context())
	ids, ended := startGroup(t, server, `trap 'sleep 0.2; echo clean >`+mark+`; exit 0' TERM`)
	if err := server.Cancel(); err != nil {
		t.Fatal(err)
	}
	expectEnded(t, ids, ended, gracePeriod)
	if text, _ := os.ReadFile(mark); string(text) != "clean\n" {
		t.Error("the command was not let to clean up")
	}
}

func TestCancelKillsWhatDoesNotEndByItself(t *testing.T) {
	server := serve(t, t.Context())
	ids, ended := startGroup(t, server, `trap '' TERM`)
	if err := server.Cancel(); err != nil {
		t.Fatal(err)
	}
	expectEnded(t, ids, ended, gracePeriod+time.Second)
}

func TestCommandsEndWithTheProvider(t *testing.T) {
	closing, end := context.WithCancel(t.Context())
	ids, ended := startGroup(t, serve(t, closing), "true")
	end()
	expectEnded(t, ids, ended, gracePeriod)
}
