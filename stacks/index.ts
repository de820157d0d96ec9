/** The package: services as two identical environments behind a proxy each, and one gateway in front of them. See docs/library.md. */
export { BlueGreen } from "./blueGreen";
export type { Color } from "./color";
export { Gateway, type GatewayArgs } from "./gateway";
export type { SecretInput, ServiceSettings } from "./given";
export type { RouteTo as Route } from "./routes";
export { createService, createServices, type ServiceArgs, type Services } from "./services";
