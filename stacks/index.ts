/** The package: a service as two identical environments behind one proxy, several of them behind a gateway. See docs/library.md. */
export { BlueGreen, type BlueGreenArgs } from "./blueGreen";
export type { Color } from "./color";
export { createGateway, Gateway, type GatewayArgs, type Route } from "./gateway";
export { GatewayNetwork, type GatewayNetworkArgs } from "./gatewayNetwork";
export type { SecretInput, ServiceSettings } from "./given";
export { createServices, type ServiceArgs } from "./services";
