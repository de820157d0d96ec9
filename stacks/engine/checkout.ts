import { join } from "node:path";

/**
 * The folder that has `nginx/`, `cutover/` and Pulumi.yaml: of the checkout, and in the package its `dist/`. A bundle of this program
 * lies as deep as this file does (setup/bundle.cjs).
 */
export const CHECKOUT = join(__dirname, "..", "..");
