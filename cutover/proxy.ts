import type { Docker, Ended } from "../stacks/engine/docker";
import { readScript, shell } from "../stacks/engine/scripts";
import type { Color } from "../stacks/service/color";
import type { HealthRequest } from "../stacks/service/configuration";
import { askHealth } from "../stacks/service/health";
import { type HealthAnswer, type HealthAnswers, healthAnswer, healthAnswers } from "../stacks/service/healthAnswer";
import type { ReplicaName } from "../stacks/service/names";
import {
  lastLine,
  MOST_HISTORY_LINES,
  RECENT_HISTORY_LINES,
  readServing,
  type Serving,
} from "../stacks/service/serving";
import { Lock, type LockBound, MOVE_TIMEOUT_SECONDS } from "./lock";
import { SILENT_SECONDS } from "./silence";
import type { Curl } from "./smokeTest";

/** More than a smoke test's own bound, which is 300 s. */
const CURL_TIMEOUT_SECONDS = 330;

/** The most of an answer that a smoke test looks at. */
const MOST_BODY_BYTES = 1024 * 1024;

/** From here on the watched answers are forgotten, so that a long watch can't fill the disk. */
const MOST_ANSWERS_BYTES = 256 * 1024 * 1024;

/** What moves the public, inside the proxy. */
export const CUTOVER_SCRIPT = readScript("cutover");

/** What a move says once visitors meet its configuration. */
const MEETS = /^the public meets the new configuration, (\d+) ms after the reload$/;

/** Since how many milliseconds visitors have met a configuration, where a line of a move says so. */
export function metSince(line: string): number | undefined {
  const milliseconds = MEETS.exec(line)?.[1];
  return milliseconds === undefined ? undefined : Number(milliseconds);
}

/** What the new color answered since the last look; a request for an asset that went on to the other color is no answer of either. */
export interface Sample {
  /** Where the next look goes on. */
  offset: number;
  /** How each container of the color is, by its name, as nginx is answered now. */
  health: HealthAnswers;
  /** What serves now: generation and color. */
  serves: string;
  count: number;
  errors: number;
  /** Answers by the milliseconds that they took. */
  times: [milliseconds: number, count: number][];
}

/** How a way back is bounded. */
export interface BackBound {
  /** Whether the proxy refuses a move of the same lock that comes after it: over a network that was cut one may come late. */
  isLast?: boolean;
  /** How long it may take. */
  timeoutSeconds?: number;
}

/** A proxy as the cutover handles it. */
export interface CutoverProxy {
  /** The container's id. */
  readonly id: string;

  /** What it serves now; undefined where that is nothing. */
  serving(): Promise<Serving | undefined>;

  /**
   * Holds the lock until it is released, or this process ends.
   *
   * @throws Error with who else holds it, after `waitSeconds`.
   */
  lock(holder: string, waitSeconds: number, say: (line: string) => void, bound?: LockBound): Promise<Lock>;

  /**
   * Brings this configuration back, whatever a move has left behind; exit code 0 only when it serves. It waits neither for the lock's
   * holder, which may be writing to a disk that hangs, nor for a lock that was lost.
   */
  back(to: { generation: string; color: Color }, bound?: BackBound): Promise<Ended>;

  /**
   * Reports whether a color is well, as nginx reaches it.
   *
   * @throws Error where it can't be asked itself.
   */
  answers(color: Color): Promise<boolean>;

  /**
   * Asks one of a color's containers for its health until it is well, for about `seconds`.
   *
   * @throws Error where the proxy can't be asked.
   */
  health(container: ReplicaName, request: HealthRequest, seconds: number): Promise<HealthAnswer>;

  /** What the color answered since `offset`, a number of bytes. */
  sample(offset: number, color: Color): Promise<Sample>;

  /** Runs curl inside the proxy; its own failures are answers too. */
  curl: Curl;

  /** Does the same through the proxy itself, so that the request and its answer meet the limits that visitors meet. */
  curlThroughProxy: Curl;
}

/** An nginx: everything goes through `docker exec`, so that any engine will do. */
export class Nginx implements CutoverProxy {
  constructor(
    private readonly docker: Docker,
    /** The container's id. */
    readonly id: string,
  ) {}

  serving(): Promise<Serving | undefined> {
    return readServing(this.docker, this.id);
  }

  lock(holder: string, waitSeconds: number, say: (line: string) => void, bound: LockBound = {}): Promise<Lock> {
    const silence = bound.silent === undefined ? 0 : SILENT_SECONDS;
    const start = (seconds: number) =>
      this.docker.start([
        "exec",
        "-i",
        this.id,
        ...shell("hold", holder, seconds, RECENT_HISTORY_LINES, MOST_HISTORY_LINES, CUTOVER_SCRIPT, silence),
      ]);
    return Lock.take(start, waitSeconds, say, bound);
  }

  back(to: { generation: string; color: Color }, { isLast, timeoutSeconds }: BackBound = {}): Promise<Ended> {
    const order = ["-e", "STEP=back", "-e", `WANTED=${to.generation} ${to.color}`, "-e", `LAST=${isLast === true}`];
    return this.docker.run(["exec", ...order, this.id, "sh", "-c", CUTOVER_SCRIPT], {
      timeoutSeconds: timeoutSeconds ?? MOVE_TIMEOUT_SECONDS,
    });
  }

  async answers(color: Color): Promise<boolean> {
    const { stdout, stderr } = await this.docker.run(["exec", this.id, ...shell("reach", color)]);
    const answer = healthAnswer(stdout.trim());
    if (answer === undefined || answer.status === 0) throw new Error(stderr.trim() || "nginx does not answer");
    return answer.well;
  }

  health(container: ReplicaName, request: HealthRequest, seconds: number): Promise<HealthAnswer> {
    return askHealth(this.docker, this.id, container, request, seconds);
  }

  async sample(offset: number, color: Color): Promise<Sample> {
    const text = await this.docker.ask("exec", this.id, ...shell("sample", offset, color, MOST_ANSWERS_BYTES));
    const [count, errors, ...times] = lastLine(text, "answers").split(" ");
    return {
      offset: text.split("\n").includes("restarted") ? 0 : Number(lastLine(text, "size")),
      health: healthAnswers(text),
      serves: lastLine(text, "serves").trim(),
      count: Number(count),
      errors: Number(errors),
      times: times.map((pair) => pair.split(":").map(Number) as [number, number]),
    };
  }

  curl: Curl = (configuration) => this.runCurl(configuration, "straight");

  curlThroughProxy: Curl = (configuration) => this.runCurl(configuration, "nginx");

  private async runCurl(configuration: string, way: "straight" | "nginx"): Promise<Awaited<ReturnType<Curl>>> {
    const command = ["exec", "-i", this.id, ...shell("curl", MOST_BODY_BYTES, way)];
    const { code, stdout, stderr } = await this.docker.run(command, {
      input: configuration,
      timeoutSeconds: CURL_TIMEOUT_SECONDS,
    });
    const failed = code !== 0 || stderr.endsWith("failed\n");
    return { code: failed ? code || 1 : 0, stdout, stderr: stderr.replace(/failed\n$/, "") };
  }
}
