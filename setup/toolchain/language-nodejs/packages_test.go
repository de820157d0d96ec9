package main

import (
	"os"
	"path/filepath"
	"slices"
	"testing"

	pulumirpc "github.com/pulumi/pulumi/sdk/v3/proto/go"
)

func write(t *testing.T, directory string, files map[string]string) {
	t.Helper()
	for name, text := range files {
		path := filepath.Join(directory, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

func names(packages []*pulumirpc.PackageDependency) []string {
	var names []string
	for _, p := range packages {
		names = append(names, p.GetKind()+" "+p.GetName()+" "+p.GetVersion()+p.GetServer())
	}
	slices.Sort(names)
	return names
}

func TestRequiredPackagesAreThoseThatSayTheyAreResources(t *testing.T) {
	root := t.TempDir()
	write(t, root, map[string]string{
		"node_modules/@pulumi/docker/package.json": `{"name":"@pulumi/docker","version":"5.2.0",
			"pulumi":{"resource":true,"name":"docker","version":"5.2.0"}}`,
		"node_modules/@pulumi/random/package.json": `{"name":"@pulumi/random","version":"4.0.0","pulumi":{"resource":true}}`,
		"node_modules/@pulumi/pulumi/package.json": `{"name":"@pulumi/pulumi","version":"3.259.0"}`,
		"node_modules/plain/package.json": `{"name":"plain","version":"v1.0.0",
			"pulumi":{"resource":true,"server":"https://example.com"}}`,
		"node_modules/zod/package.json":    `{"name":"zod","version":"4.0.0"}`,
		"node_modules/broken/package.json": `{`,
		"node_modules/zod/node_modules/@other/nested/package.json": `{"name":"@other/nested","version":"0.1.0",
			"pulumi":{"resource":true,"name":"nested"}}`,
		"node_modules/zod/node_modules/@pulumi/random/package.json": `{"name":"@pulumi/random","version":"4.0.0",
			"pulumi":{"resource":true}}`,
	})
	// Linked packages may lead in a circle.
	if err := os.Symlink(root, filepath.Join(root, "node_modules", "itself")); err != nil {
		t.Fatal(err)
	}
	want := []string{
		"resource docker v5.2.0", "resource nested v0.1.0", "resource plain v1.0.0https://example.com",
		"resource random v4.0.0",
	}
	below := filepath.Join(root, "program")
	for _, directory := range []string{root, below} {
		info := &pulumirpc.ProgramInfo{RootDirectory: root, ProgramDirectory: directory}
		if got := names(requiredPackages(info)); !slices.Equal(got, want) {
			t.Errorf("from %s: %q, want %q", directory, got, want)
		}
	}
}

func TestWhatLiesAboveTheProjectIsNotRequired(t *testing.T) {
	above := t.TempDir()
	write(t, above, map[string]string{
		"node_modules/@pulumi/aws/package.json": `{"name":"@pulumi/aws","version":"7.0.0","pulumi":{"resource":true}}`,
	})
	root := filepath.Join(above, "project")
	info := &pulumirpc.ProgramInfo{RootDirectory: root, ProgramDirectory: root}
	if got := requiredPackages(info); len(got) != 0 {
		t.Errorf("required are %v", got)
	}
}

func TestProgramDependenciesAreThoseOfTheLockFile(t *testing.T) {
	directory := t.TempDir()
	list := func(transitive bool) []string {
		t.Helper()
		dependencies, err := programDependencies(directory, transitive)
		if err != nil {
			t.Fatal(err)
		}
		var names []string
		for _, d := range dependencies {
			names = append(names, d.GetName()+" "+d.GetVersion())
		}
		return names
	}
	if got := list(true); got != nil {
		t.Errorf("without a lock file: %q", got)
	}
	write(t, directory, map[string]string{"package-lock.json": `{"packages":{
		"":{"dependencies":{"@pulumi/pulumi":"^3"},"devDependencies":{"tsx":"4"}},
		"node_modules/@pulumi/pulumi":{"version":"3.259.0"},
		"node_modules/tsx":{"version":"4.0.0"},
		"node_modules/semver":{"version":"7.0.0"},
		"node_modules/tsx/node_modules/@pulumi/pulumi":{"version":"3.1.0"}}}`})
	if got, want := list(false), []string{"@pulumi/pulumi 3.259.0", "tsx 4.0.0"}; !slices.Equal(got, want) {
		t.Errorf("direct are %q, want %q", got, want)
	}
	if got, want := list(true), []string{"@pulumi/pulumi 3.1.0", "@pulumi/pulumi 3.259.0", "semver 7.0.0", "tsx 4.0.0"}; !slices.Equal(got, want) {
		t.Errorf("all are %q, want %q", got, want)
	}
}
