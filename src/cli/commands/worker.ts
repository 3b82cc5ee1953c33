// temper worker: this machine works for the commands on a queue.
import type { Command } from "commander";
import type { Device } from "../../engine/device.ts";
import { serveQueue } from "../../machines/work.ts";
import { text, wholeNumber } from "../../options/kinds.ts";
import type { Context } from "../context.ts";
import { addFlags, type Flags as FlagTable } from "../flags.ts";
import { openLog } from "../log.ts";
import { deviceFlags, workFlags } from "../shared-flags.ts";
import { logFlag, queueFlags } from "../working.ts";

interface Flags {
  readonly queue: string;
  readonly processes?: number;
  readonly dataRoot?: string;
  readonly device?: Device;
  readonly log?: string;
}

const flags = {
  queue: {
    ...queueFlags.queue,
    help: "the queue: redis://HOST:6379/0, rediss:// for TLS",
    required: true,
  },
  processes: {
    kind: wholeNumber(1),
    group: "Work",
    help: "worker processes",
    usual: "one a core",
  },
  dataRoot: {
    kind: text("<dir>"),
    group: "What goes in",
    help: "a folder with data sets (mnist, cifar10, .npz files) that need not come over the queue",
  },
  ...deviceFlags,
  ...logFlag,
  config: workFlags.config,
} as const satisfies FlagTable;

export function addWorker(program: Command, context: Context): void {
  const command = program
    .command("worker")
    .summary("work for the commands on a queue")
    .description(
      "Takes shards from a queue (Redis or Valkey) and runs them, for any number of commands that are given --queue, " +
        "until Ctrl-C or SIGTERM. Start it on as many machines as there are; docs/machines.md says what to open " +
        "and what not. It runs no code that comes over the queue, and reads and writes its own folders alone.",
    );
  addFlags(command, flags)
    .addHelpText(
      "after",
      "\nExample:\n  TEMPER_QUEUE_PASSWORD_FILE=/run/secrets/queue temper worker --queue rediss://temper@queue:6379/0",
    )
    .action(async ({ queue, log, ...rest }: Flags) => {
      // A container is ended so.
      process.once("SIGTERM", context.stop);
      await serveQueue(queue, {
        ...rest,
        signal: context.signal,
        onNote: (note) => context.progress.line(note),
        onEvent: log === undefined ? undefined : await openLog(log),
      });
    });
}
