/**
 * The pulumi CLI takes the flags of its commands from the environment too, and this is how a program sees one of them; a flag
 * that was typed stays unknown to it.
 */
const VARIABLE = "PULUMI_OPTION_POLICY_PACK";

/** How every `pulumi` in this shell gets the pack. */
export const RUN_POLICY_PACK = "source .envrc";

/** Whether `pulumi` was told by its environment to run a policy pack. */
export const hasPolicyPack = (env: NodeJS.ProcessEnv): boolean => (env[VARIABLE] ?? "") !== "";
