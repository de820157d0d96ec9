import { local } from "@pulumi/command";
import type * as pulumi from "@pulumi/pulumi";
import { dockerHost } from "./engine/docker";

/** Containers that end in the same `pulumi destroy`, as those of a program's own, have so long to leave. */
const LEAVE_SECONDS = 5;

/**
 * Names the containers on the network that the stack did not make. An engine that does not answer, or no client, is left to what
 * comes next: then nothing is known of the network, and nothing would be destroyed either.
 */
export const CHECK = `
others() {
    docker network inspect --format '{{range .Containers}}{{println .Name}}{{end}}' "$NETWORK" 2>/dev/null | grep . | grep -vxE "$OWN"
}
waited=0
while names=$(others) && [ "$waited" -lt ${LEAVE_SECONDS} ]; do sleep 1; waited=$((waited + 1)); done
if [ -z "$names" ]; then exit 0; fi
{
    echo "The network $NETWORK can't be removed: these containers are on it, and this stack did not make them:" $names
    echo "Nothing was touched. Next:"
    for name in $names; do echo "  docker network disconnect --force $NETWORK $name"; done
    echo "  pulumi destroy"
} >&2
exit 1`.trim();

/** What a {@link declareNetworkCheck} looks at. */
export interface NetworkCheckArgs {
  /** What Docker calls the network. */
  network: string;
  /** What the names of the stack's own containers on it begin with, and, as a regular expression, how they go on. */
  begins: string;
  ends: string;
  dockerHost: string | undefined;
  /** All that is on the network: the check is the first thing that a `pulumi destroy` does, before anything is gone. */
  dependsOn: pulumi.Resource[];
}

/** The names of the stack's own containers as a regular expression for a whole line. */
export const ownNames = ({ begins, ends }: Pick<NetworkCheckArgs, "begins" | "ends">): string =>
  `${begins.replaceAll(".", "\\.")}(${ends})`;

/** How a service's names go on on its own network, and how a stack's on the gateway's. */
export const SERVICE_ENDS = "(blue|green)(-[0-9]+)?|proxy";
export const GATEWAY_ENDS = "gateway|.+-proxy";

/**
 * Has `pulumi destroy` say at once whose containers keep the network, instead of after half a minute and without a name. It is a
 * command, since a hook is missing where the program does not run, as in a `destroy`.
 */
export const declareNetworkCheck = (name: string, args: NetworkCheckArgs, parent: pulumi.Resource): local.Command =>
  new local.Command(
    name,
    {
      // Short, since an error shows it.
      delete: 'sh -c "$CHECK"',
      environment: {
        CHECK,
        NETWORK: args.network,
        OWN: ownNames(args),
        // The client's current context is not what the provider uses.
        DOCKER_CONTEXT: "default",
        ...dockerHost(args.dockerHost),
      },
      addPreviousOutputInEnv: false,
    },
    { parent, dependsOn: args.dependsOn },
  );
