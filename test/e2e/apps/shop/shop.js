const { existsSync, readFileSync, writeFileSync } = require("node:fs");
const file = "/var/lib/shop/uploads/note";
const server = require("node:http").createServer((request, response) => {
  if (request.url === "/up") return response.end("up\n");
  if (request.method === "PUT") return request.on("data", (data) => writeFileSync(file, data)).on("end", () => response.end());
  const { SHOP_URL, DATABASE_PASSWORD, COLOR } = process.env;
  response.end(`Add to basket\n${SHOP_URL} ${DATABASE_PASSWORD} ${COLOR} ${existsSync(file) ? readFileSync(file) : "-"}\n`);
});
server.listen(process.env.PORT);
process.on("SIGTERM", () => server.close());
