// temper queue: what there is on a queue.
import type { Command } from "commander";
import { lookAtQueue, type QueueLook } from "../../machines/look.ts";
import { counted, versionsInWords } from "../../machines/names.ts";
import type { Context } from "../context.ts";
import { addFlags } from "../flags.ts";
import { workFlags } from "../shared-flags.ts";
import { table } from "../table.ts";

const { json, config } = workFlags;

const minutes = (since: number): string => `${Math.round((Date.now() - since) / 60_000)} min`;

function printLook({ workers, commands, waiting, active, failed }: QueueLook, context: Context) {
  context.print(
    `${counted(workers.length, "worker")}, ${counted(commands.length, "command")}; ` +
      `shards: ${waiting} wait, ${active} run, ${failed.length} failed`,
  );
  const rows = workers.map(({ host, pid, processes, done, since, kind, versions }) => [
    ...[host, `${pid}`, `${processes}`, `${done}`, minutes(since), kind, versionsInWords(versions)],
  ]);
  const headings = ["worker", "process", "processes", "shards", "since", "kind", "versions"];
  if (rows.length > 0) context.print(table(headings, rows));
  for (const { host, pid, since, versions } of commands) {
    const what = `${versionsInWords(versions)}, for ${minutes(since)}`;
    context.print(`command on ${host}, process ${pid}: ${what}`);
  }
  for (const { task, reason } of failed) context.print(`failed: ${task}: ${reason}`);
}

export function addQueue(program: Command, context: Context): void {
  const command = program
    .command("queue")
    .summary("who works on a queue, what waits, what failed")
    .description(
      "Lists the workers and commands on a queue, how many shards wait and run, and the shards of the last hour that " +
        "were given up, with the reason.",
    )
    .argument("<url>", "redis://HOST:6379/0, rediss:// for TLS; password: TEMPER_QUEUE_PASSWORD");
  addFlags(command, { json, config })
    .addHelpText("after", "\nExample:\n  temper queue redis://queue:6379/0")
    .action(async (url: string, flags: { readonly json?: boolean }) => {
      const look = await lookAtQueue(url);
      if (flags.json === true) context.printJson(look);
      else printLook(look, context);
    });
}
