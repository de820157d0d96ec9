import * as pulumi from "@pulumi/pulumi";
import { type Color, createServices, type ServiceSettings } from "blue-green";

const colors: Color[] = ["blue", "green"];

export = async () => {
  const config = new pulumi.Config();
  // What each service has of its own, such as its releases: pulumi config set --path shop.greenVersion 1.1.0 --type string
  const own = (service: string) => config.getObject<Partial<ServiceSettings>>(service);
  const images = config.getObject<{ nginxImage?: string; appBaseImage?: string }>("images");

  const { shop, api, gateway } = await createServices(
    {
      shop: {
        settings: {
          activeColor: config.require<Color>("shopColor", { allowedValues: colors }),
          httpPort: 8081,
          bluePort: 5011,
          greenPort: 5012,
          environment: { SERVICE: "shop" },
          ...images,
          ...own("shop"),
        },
      },
      api: {
        settings: {
          activeColor: config.require<Color>("apiColor", { allowedValues: colors }),
          httpPort: 8082,
          bluePort: 5021,
          greenPort: 5022,
          environment: { SERVICE: "api" },
          ...images,
          ...own("api"),
        },
      },
    },
    {
      httpPort: config.getNumber("httpPort") ?? 8080,
      // A network that nothing else on the engine uses.
      subnet: config.get("subnet") ?? "10.213.0.0/24",
      nginxImage: images?.nginxImage,
      routes: [
        // Two hosts, each with a service of its own.
        { host: "shop.localhost", service: "shop" },
        { host: "api.localhost", service: "api" },
        // Every other host: two paths.
        { service: "shop" },
        { path: "/api", service: "api" },
      ],
    },
  );

  return { url: gateway.url, shopColor: shop.activeColor, apiColor: api.activeColor };
};
