// Pulumi's runner puts its own compiler in front of TypeScript files, which checks the types of the whole pack in each run. This comes
// later and so goes before it, as in Pulumi.yaml.
require("../setup/bundle.cjs");
require("./pack.ts");
