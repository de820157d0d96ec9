import { request as requestOverHttp } from "node:http";
import { request as requestOverTls } from "node:https";
import { setTimeout as pause } from "node:timers/promises";
import { PROXY_DIRECTORY } from "../stacks/service/names";
import { type Receiver, receiverIn, receiverLine, receiverText } from "../stacks/service/receiver";
import { lookUpUntil } from "./lookUp";
import { firstLine, type Run } from "./run";
import { type Word, wordOf } from "./word";
import { type WordRequest, wordRequest } from "./wordRequest";

/** All that a run waits for a receiver at its very end. */
export const DELIVERY_SECONDS = 5;

/** How long one attempt may take, so that there is time for another one. */
const ATTEMPT_SECONDS = 2;

/** Between two attempts. */
const PAUSES_MILLISECONDS = [300, 1000];

/** How long the proxy may take to say who gets word. */
const READ_SECONDS = 2;

/** From then on the run says that it waits. */
const SAID_AFTER_MILLISECONDS = 1000;

/** How an attempt failed. */
interface Failure {
  why: string;
  /** Whether another attempt may go better. */
  passes: boolean;
}

/**
 * Sends word of how a cutover ended. It comes when all else is done, it is waited for {@link DELIVERY_SECONDS} at most, and whatever
 * comes of it is a line and no failure.
 */
export async function tell(run: Run, receiver: Receiver | undefined): Promise<void> {
  const { entry, trial, putBack, order } = run;
  // A line that says `interrupted` is not the last one: whoever finishes the cutover tells of it.
  if (receiver === undefined || entry === undefined || entry.result === "interrupted") return;
  const said = setTimeout(
    () => run.say(receiverLine.slow(`has not taken word of this cutover yet: it has ${DELIVERY_SECONDS} s`)),
    SAID_AFTER_MILLISECONDS,
  );
  try {
    const why = await deliver(receiver, wordOf({ owner: order.owner, entry, trial, putBack }, new Date()));
    const next = "Next: mend the receiver, or: pulumi config set --secret notifyUrl";
    if (why !== undefined) run.say(receiverLine.failed(`it got no word of this cutover, since ${why}. ${next}`));
  } catch (error) {
    // Whatever it is, the cutover has ended already.
    run.say(receiverLine.failed(`no word of this cutover could be sent (${(error as Error).name})`));
  } finally {
    clearTimeout(said);
  }
}

/** Notes on the proxy's volume who gets word, for a way back by hand; that it can't be noted fails nothing. */
export async function keepReceiver(run: Run): Promise<void> {
  const { receiver } = run.order;
  await run.lock.writeReceiver(receiver === undefined ? "" : receiverText(receiver)).catch((error: Error) => {
    // What an earlier one left there is taken away by the next cutover.
    if (receiver === undefined) return;
    const why = `it can't be written (${firstLine(error.message)})`;
    run.say(
      receiverLine.failed(`\`npm run rollback\` would tell it nothing, since ${why}; the next cutover tries again`),
    );
  });
}

/** Reads who gets word where no settings are at hand: as the latest cutover noted it; nobody where it can't be read. */
export async function keptReceiver({ tools, proxy }: Pick<Run, "tools" | "proxy">): Promise<Receiver | undefined> {
  const cat = ["exec", proxy.id, "cat", `${PROXY_DIRECTORY}/notify.json`];
  const read = tools.docker.run(cat, { timeoutSeconds: READ_SECONDS });
  return receiverIn(await read.then(({ stdout }) => stdout).catch(() => ""));
}

/** Sends the word until it is taken or the time is over; answers why it was not taken, undefined where it was. */
export async function deliver(receiver: Receiver, word: Word): Promise<string | undefined> {
  const over = new AbortController();
  const late = setTimeout(() => over.abort(), DELIVERY_SECONDS * 1000);
  try {
    return await Promise.race([attempts(receiver, word, over.signal), whenOver(over.signal)]);
  } finally {
    clearTimeout(late);
    over.abort();
  }
}

async function attempts(receiver: Receiver, word: Word, over: AbortSignal): Promise<string | undefined> {
  for (let attempt = 0; ; attempt += 1) {
    const failure = await send(wordRequest(receiver, word, new Date()), over);
    if (failure === undefined) return undefined;
    const wait = PAUSES_MILLISECONDS[attempt];
    if (!failure.passes || wait === undefined)
      return attempt === 0 ? failure.why : `${failure.why}, after ${attempt + 1} attempts`;
    await pause(wait, undefined, { signal: over }).catch(() => {});
    if (over.aborted) return failure.why;
  }
}

/** When the time is over, whatever still hangs. */
const whenOver = (over: AbortSignal): Promise<string> =>
  new Promise((resolve) =>
    over.addEventListener("abort", () => resolve(`it gave no answer within ${DELIVERY_SECONDS} s`), { once: true }),
  );

/** Makes one request; answers how it failed. Of the answer only the status is read: it may be of any size. */
function send({ url, headers, body }: WordRequest, over: AbortSignal): Promise<Failure | undefined> {
  const signal = AbortSignal.any([over, AbortSignal.timeout(ATTEMPT_SECONDS * 1000)]);
  const request = url.startsWith("https:") ? requestOverTls : requestOverHttp;
  return new Promise((resolve) => {
    const failed = (error: NodeJS.ErrnoException) => resolve(failureOf(error, signal.aborted));
    try {
      request(url, { method: "POST", headers, agent: false, signal, lookup: lookUpUntil(signal) }, (response) => {
        response.on("error", () => {});
        response.destroy();
        resolve(refusalOf(response.statusCode ?? 0));
      })
        .on("error", failed)
        .end(body);
    } catch (error) {
      failed(error as NodeJS.ErrnoException);
    }
  });
}

/** How an answer refuses the word; undefined where it takes it. */
function refusalOf(status: number): Failure | undefined {
  if (status >= 200 && status < 300) return undefined;
  const moved = status >= 300 && status < 400 ? ", and no redirect is followed" : "";
  return { why: `it answered ${status}${moved}`, passes: status >= 500 || status === 408 || status === 429 };
}

/** An error's own message has the address in it, so that only its code is told. */
function failureOf({ code = "" }: NodeJS.ErrnoException, isLate: boolean): Failure {
  if (isLate) return { why: `it gave no answer within ${ATTEMPT_SECONDS} s`, passes: true };
  if (code === "ENOTFOUND") return { why: "its name does not resolve (ENOTFOUND)", passes: false };
  if (code === "ECONNREFUSED") return { why: "nothing listens there (ECONNREFUSED)", passes: true };
  if (/CERT|SELF_SIGNED|UNABLE_TO_|ALTNAME/.test(code))
    return { why: `its certificate is not accepted (${code})`, passes: false };
  return { why: `the request failed${/^\w+$/.test(code) ? ` (${code})` : ""}`, passes: true };
}
