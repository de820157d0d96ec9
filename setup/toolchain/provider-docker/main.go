// The Docker resource provider: kreuzwerker's Terraform provider behind Pulumi's Terraform bridge, as the official
// plugin is made, for machines that can fetch Go modules and not that plugin.
package main

import (
	"github.com/pulumi/pulumi-terraform-bridge/v3/pkg/tfbridge"
)

// version is that of the npm package @pulumi/docker: the engine looks for the plugin by it.
const version = "5.2.0"

func main() {
	// No schema: it is for generating SDKs, and the npm package is the SDK.
	tfbridge.Main("docker", version, provider(), nil)
}
