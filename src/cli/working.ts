// Where a command's shards run: in processes of this machine, or on those that a queue reaches.
import { type Device, processesOn } from "../engine/device.ts";
import { openWorkers, type Workers } from "../engine/workers.ts";
import { TemperError } from "../errors.ts";
import { openQueue } from "../machines/command.ts";
import { text } from "../options/kinds.ts";
import type { Context } from "./context.ts";
import type { Flags } from "./flags.ts";
import { openLog } from "./log.ts";

const work = "Work";

/** --log */
export const logFlag = {
  log: {
    kind: text("<file>"),
    group: work,
    help: "append what happens on the queue to this file, a line of JSON each; - is stderr",
  },
} as const satisfies Flags;

/** --queue --log, of the commands whose shards may run elsewhere. */
export const queueFlags = {
  queue: {
    kind: text("<url>"),
    group: work,
    help:
      "give the work to the machines that run temper worker on this queue (Redis or Valkey): " +
      "redis://HOST:6379/0, rediss:// for TLS; password: TEMPER_QUEUE_PASSWORD",
  },
  ...logFlag,
} as const satisfies Flags;

/** What they give. */
export interface WorkingFlags {
  readonly threads?: number | undefined;
  readonly device?: Device | undefined;
  readonly queue?: string | undefined;
  readonly log?: string | undefined;
}

/**
 * Opens what the flags ask for.
 *
 * @throws TemperError `bad-option`, `queue-unreachable`
 */
export async function workersFor(
  { threads, device, queue, log }: WorkingFlags,
  { progress }: Pick<Context, "progress">,
): Promise<Workers> {
  if (queue === undefined) {
    if (log !== undefined) throw new TemperError("bad-option", "--log is of --queue; give both");
    return openWorkers(threads ?? processesOn(device));
  }
  if (threads !== undefined) {
    throw new TemperError(
      "bad-option",
      "--threads is of this machine and --queue gives the work to others\n" +
        "leave --threads out; temper worker has --processes",
    );
  }
  const onEvent = log === undefined ? undefined : await openLog(log);
  return openQueue(queue, { onNote: (note) => progress.line(`queue: ${note}`), onEvent });
}
