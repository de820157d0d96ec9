import { createHash } from "node:crypto";
import { activeIn, asRendered } from "../../stacks/service/configuration";
import { containerName, gatewayName } from "../../stacks/service/names";
import { colorHealth, generationOf } from "../../stacks/service/serving";
import { called, type Facts, type Mend, type Row } from "./row";

/** What nginx serves, by its own word and by the files on its volume. */
export function configurationRows(facts: Facts): Row[] {
  const { cutover, routes } = facts.declared;
  const { serving, volume, owner, gateway } = facts;
  if (routes !== undefined && gateway !== undefined) return routesRows(facts, routes, gateway);
  if (cutover === undefined || serving === undefined) return [];
  const proxy = containerName(owner, "proxy");
  const row = (
    what: string,
    declared: string | undefined,
    runs: string | undefined,
    mend: Mend = { by: "up" },
  ): Row => ({
    ...{ resource: called(facts, "nginx"), what, declared, runs, mend },
  });
  const rows: Row[] = [];
  const color = activeIn(cutover.configuration);
  if (serving.color !== color) rows.push(row("color that is served", color, serving.color));
  if (!serving.answers) {
    const command = { docker: ["logs", "--tail", "30", proxy] };
    rows.push(row("answers", "yes", "no", { by: "hand", why: "nginx does not answer", command }));
  } else if (serving.generation !== generationOf(cutover.configuration)) {
    rows.push(row("configuration that serves", generationOf(cutover.configuration), serving.generation));
  }
  if (volume !== undefined) {
    rows.push(
      ...textRows(cutover.configuration, volume.configuration).map(([what, says]) => row(what, says, "another")),
    );
    for (const [name, content] of Object.entries(cutover.files)) {
      const hash = createHash("sha256").update(content).digest("hex");
      const found = volume.files[name];
      // The cutover writes its files anew each time that it runs.
      if (found !== hash)
        rows.push(
          row(`file ${name}`, "[not shown]", found === undefined ? "gone" : "another", {
            by: "replace",
            urn: cutover.urn,
          }),
        );
    }
  }
  const health = colorHealth(serving.health, serving.color);
  if (serving.answers && health?.well !== true) {
    const why = `${serving.color} is live and does not answer its health path`;
    rows.push(
      row("live's health path", "well", health?.seen ?? "not asked", {
        by: "hand",
        why,
        command: { status: true },
      }),
    );
  }
  return rows;
}

/** What the gateway routes; a run that finds other routes puts them right. */
function routesRows(
  facts: Facts,
  { configuration }: NonNullable<Facts["declared"]["routes"]>,
  { generation, edited, silent }: NonNullable<Facts["gateway"]>,
): Row[] {
  const wanted = generationOf(configuration);
  if (silent) {
    const command = { docker: ["logs", "--tail", "30", gatewayName(facts.owner)] };
    const mend: Mend = { by: "hand", why: "the gateway's nginx does not answer", command };
    return [{ resource: called(facts, "nginx"), what: "answers", declared: "yes", runs: "no", mend }];
  }
  const row = (what: string, declared: string, runs: string): Row => ({
    ...{ resource: called(facts, "nginx"), what, declared, runs, mend: { by: "up" } },
  });
  return [
    ...(generation === wanted ? [] : [row("routes that serve", wanted, generation)]),
    ...(edited ? [row("nginx.conf", "as it was written", "another")] : []),
  ];
}

/** Where the text on the volume is another than the rendered one: the first line, and how many are within the change. */
function textRows(rendered: string, found: string): [what: string, declared: string | undefined][] {
  const wanted = rendered.trimEnd().split("\n");
  const seen = asRendered(found).trimEnd().split("\n");
  let first = 0;
  while (first < wanted.length && first < seen.length && wanted[first] === seen[first]) first++;
  if (first === wanted.length && first === seen.length) return [];
  let last = 0;
  while (last < Math.min(wanted.length, seen.length) - first && wanted.at(-1 - last) === seen.at(-1 - last)) last++;
  const lines = Math.max(wanted.length, seen.length) - first - last;
  return [[`nginx.conf, line ${first + 1}${lines > 1 ? ` to ${first + lines}` : ""}`, wanted[first]?.trim()]];
}
