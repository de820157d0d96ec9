package main

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/pulumi/pulumi-terraform-bridge/v3/pkg/tfbridge"
	shim "github.com/pulumi/pulumi-terraform-bridge/v3/pkg/tfshim"
)

// npmPackage is where a checkout with `npm ci` has the package whose names must be ours.
const npmPackage = "../../../node_modules/@pulumi/docker"

func TestTokensAreThoseOfTheProgram(t *testing.T) {
	info := provider()
	for terraform, token := range map[string]string{
		"docker_container": "docker:index/container:Container",
		"docker_network":   "docker:index/network:Network",
		"docker_volume":    "docker:index/volume:Volume",
		"docker_image":     "docker:index/remoteImage:RemoteImage",
		"docker_config":    "docker:index/serviceConfig:ServiceConfig",
	} {
		if got := string(info.Resources[terraform].Tok); got != token {
			t.Errorf("%s is %s, want %s", terraform, got, token)
		}
	}
	if got := string(info.DataSources["docker_network"].Tok); got != "docker:index/getNetwork:getNetwork" {
		t.Errorf("the data source docker_network is %s", got)
	}
}

func TestContainersAreDeletedBeforeTheyAreReplacedAndNothingElseIs(t *testing.T) {
	for name, resource := range provider().Resources {
		if want := name == "docker_container"; resource.DeleteBeforeReplace != want {
			t.Errorf("%s: delete before replace is %t, want %t", name, resource.DeleteBeforeReplace, want)
		}
	}
}

func TestEveryResourceAndDataSourceOfTerraformIsMapped(t *testing.T) {
	info := provider()
	info.P.ResourcesMap().Range(func(name string, _ shim.Resource) bool {
		if info.Resources[name] == nil {
			t.Errorf("the resource %s has no token", name)
		}
		return true
	})
	info.P.DataSourcesMap().Range(func(name string, _ shim.Resource) bool {
		if info.DataSources[name] == nil {
			t.Errorf("the data source %s has no token", name)
		}
		return true
	})
}

func TestNamesMayBeLeftOut(t *testing.T) {
	for _, name := range []string{"docker_container", "docker_network", "docker_volume"} {
		field := provider().Resources[name].Fields["name"]
		if field == nil || field.Default == nil || !field.Default.AutoNamed {
			t.Errorf("%s is not named after the Pulumi resource", name)
		}
	}
	if field := provider().Resources["docker_image"].Fields["name"]; field.Default != nil {
		t.Error("an image would be given a made-up name")
	}
}

// A property that is called something else in the npm package is a setting that nobody reads.
func TestPropertiesAreNamedAsInTheNpmPackage(t *testing.T) {
	if _, err := os.Stat(npmPackage); err != nil {
		t.Skip("@pulumi/docker is not installed: run `npm ci` first")
	}
	info := provider()
	for name, resource := range info.Resources {
		schema := info.P.ResourcesMap().Get(name).Schema()
		ours := propertyNames(schema, resource.Fields)
		module := strings.SplitN(strings.TrimPrefix(string(resource.Tok), "docker:index/"), ":", 2)
		compareWithPackage(t, module[0]+".d.ts", module[1]+"State", ours)
	}
	compareWithPackage(t, "provider.d.ts", "ProviderArgs", propertyNames(info.P.Schema(), info.Config))
}

func propertyNames(schema shim.SchemaMap, overrides map[string]*tfbridge.SchemaInfo) []string {
	var names []string
	schema.Range(func(name string, _ shim.Schema) bool {
		// Every resource has an id of its own in Pulumi.
		if name == "id" {
			return true
		}
		names = append(names, tfbridge.TerraformToPulumiNameV2(name, schema, overrides))
		return true
	})
	slices.Sort(names)
	return names
}

var property = regexp.MustCompile(`(?m)^    (\w+)\??: `)

func compareWithPackage(t *testing.T, file, interfaceName string, ours []string) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(npmPackage, file))
	if err != nil {
		t.Fatal(err)
	}
	_, body, found := strings.Cut(string(text), fmt.Sprintf("export interface %s {", interfaceName))
	if !found {
		t.Fatalf("%s has no interface %s", file, interfaceName)
	}
	body, _, _ = strings.Cut(body, "\n}")
	var theirs []string
	for _, match := range property.FindAllStringSubmatch(body, -1) {
		theirs = append(theirs, match[1])
	}
	slices.Sort(theirs)
	if !slices.Equal(ours, theirs) {
		t.Errorf("%s: ours are\n%v\nthe npm package's are\n%v", interfaceName, ours, theirs)
	}
}
