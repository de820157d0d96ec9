package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	pulumirpc "github.com/pulumi/pulumi/sdk/v3/proto/go"
)

// packageJSON is what of a package.json says which plugin the package belongs to.
type packageJSON struct {
	Name    string `json:"name"`
	Version string `json:"version"`
	Pulumi  struct {
		Resource         bool   `json:"resource"`
		Name             string `json:"name"`
		Version          string `json:"version"`
		Server           string `json:"server"`
		Parameterization *struct {
			Name    string `json:"name"`
			Version string `json:"version"`
			Value   []byte `json:"value"`
		} `json:"parameterization"`
	} `json:"pulumi"`
}

// nodeModules are the places where Node looks for packages, from a directory up to the last one.
func nodeModules(directory, last string) []string {
	var places []string
	for {
		places = append(places, filepath.Join(directory, "node_modules"))
		above := filepath.Dir(directory)
		if directory == last || above == directory {
			return places
		}
		directory = above
	}
}

// requiredPackages are the plugins of all installed packages, those that packages brought with them included.
func requiredPackages(info *pulumirpc.ProgramInfo) []*pulumirpc.PackageDependency {
	found := packageFinder{seen: map[string]bool{}}
	for _, modules := range nodeModules(info.GetProgramDirectory(), info.GetRootDirectory()) {
		found.in(modules)
	}
	return found.packages
}

type packageFinder struct {
	packages []*pulumirpc.PackageDependency
	seen     map[string]bool
}

// in looks through one node_modules and, package by package, through those within it. What can't be read is passed
// over: the program will say more clearly that a package is broken.
func (f *packageFinder) in(modules string) {
	// Linked packages may lead in a circle.
	modules, err := filepath.EvalSymlinks(modules)
	if err != nil || f.seen[modules] {
		return
	}
	f.seen[modules] = true
	for _, pattern := range []string{"*", "@*/*"} {
		directories, _ := filepath.Glob(filepath.Join(escapeGlob(modules), pattern))
		for _, directory := range directories {
			f.add(directory)
			f.in(filepath.Join(directory, "node_modules"))
		}
	}
}

func (f *packageFinder) add(directory string) {
	var manifest packageJSON
	if readJSON(filepath.Join(directory, "package.json"), &manifest) != nil || !manifest.Pulumi.Resource {
		return
	}
	dependency := &pulumirpc.PackageDependency{
		Kind:    "resource",
		Name:    manifest.Pulumi.Name,
		Version: manifest.Pulumi.Version,
		Server:  manifest.Pulumi.Server,
	}
	if dependency.Name == "" {
		dependency.Name = strings.TrimPrefix(manifest.Name, "@pulumi/")
	}
	if dependency.Version == "" {
		dependency.Version = manifest.Version
	}
	dependency.Version = "v" + strings.TrimPrefix(dependency.Version, "v")
	if p := manifest.Pulumi.Parameterization; p != nil {
		dependency.Parameterization = &pulumirpc.PackageParameterization{Name: p.Name, Version: p.Version, Value: p.Value}
	}
	same := func(other *pulumirpc.PackageDependency) bool {
		return other.Name == dependency.Name && other.Version == dependency.Version
	}
	if !slices.ContainsFunc(f.packages, same) {
		f.packages = append(f.packages, dependency)
	}
}

// programDependencies are the npm packages as package-lock.json has them; without that file nothing is known.
func programDependencies(directory string, transitive bool) ([]*pulumirpc.DependencyInfo, error) {
	type locked struct {
		Version         string            `json:"version"`
		Dependencies    map[string]string `json:"dependencies"`
		DevDependencies map[string]string `json:"devDependencies"`
	}
	var lock struct {
		Packages map[string]locked `json:"packages"`
	}
	path := filepath.Join(directory, "package-lock.json")
	switch err := readJSON(path, &lock); {
	case errors.Is(err, fs.ErrNotExist):
		return nil, nil
	case err != nil:
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	const modules = "node_modules/"
	program := lock.Packages[""]
	var dependencies []*pulumirpc.DependencyInfo
	for place, entry := range lock.Packages {
		if !strings.Contains(place, modules) {
			continue
		}
		name := place[strings.LastIndex(place, modules)+len(modules):]
		_, direct := program.Dependencies[name]
		_, directDev := program.DevDependencies[name]
		if transitive || (place == modules+name && (direct || directDev)) {
			dependencies = append(dependencies, &pulumirpc.DependencyInfo{Name: name, Version: entry.Version})
		}
	}
	slices.SortFunc(dependencies, func(a, b *pulumirpc.DependencyInfo) int {
		return strings.Compare(a.Name+a.Version, b.Name+b.Version)
	})
	return dependencies, nil
}

func readJSON(path string, into any) error {
	text, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	return json.Unmarshal(text, into)
}

// escapeGlob has a path stand for itself in a pattern.
func escapeGlob(path string) string {
	return strings.NewReplacer(`\`, `\\`, `*`, `\*`, `?`, `\?`, `[`, `\[`).Replace(path)
}
