const fs = require("node:fs");
const http = require("node:http");
const path = require("node:path");
const data = process.env.DATA;
http
  .createServer((request, response) => {
    const file = path.join(data, path.basename(request.url));
    if (request.method === "PUT") {
      request.pipe(fs.createWriteStream(file)).on("finish", () => response.end("saved\n"));
    } else if (request.url === "/") response.end(`${process.argv.slice(2).join(" ") || "hello"}\n`);
    else if (fs.existsSync(file)) response.end(fs.readFileSync(file));
    else response.writeHead(404).end();
  })
  .listen(3000);
process.on("SIGTERM", () => process.exit(0));
