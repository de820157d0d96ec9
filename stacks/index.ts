/** The package: services as two identical environments behind a proxy each, and one gateway in front of them. See docs/library.md. */
export { BlueGreen } from "./blueGreen";
export { Gateway, type GatewayArgs } from "./gateway/gateway";
export type { RouteTo as Route } from "./gateway/routes";
export type { Color } from "./service/color";
export { createService, createServices, type ServiceArgs, type Services } from "./services";
export type { SecretInput, ServiceSettings } from "./settings/serviceSettings";
