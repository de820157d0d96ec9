import * as pulumi from "@pulumi/pulumi";
import { printableMessage } from "./text/plain";

/**
 * Why this run must not go on, for people: Pulumi prints the message alone. Without a stack, because Pulumi formats it all the same
 * before it throws it away, which takes 12 s with the source maps of the whole SDK.
 */
export class Refusal extends pulumi.RunError {
  override readonly name: string = "Refusal";
  override readonly stack: string;

  constructor(message: string) {
    const shown = printableMessage(message);
    super(shown);
    this.stack = shown;
  }
}
