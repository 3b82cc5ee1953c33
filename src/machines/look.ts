// What there is on a queue: workers, commands, shards that wait and that failed.
import { type Client, connect, loadBullmq } from "./connect.ts";
import { keys, PREFIX, type RunWord, type WorkerWord } from "./names.ts";

/** The words of those who are alive; the ids of others are forgotten. */
async function wordsOf<W>(client: Client, all: string, key: (id: string) => string): Promise<W[]> {
  const ids = await client.smembers(all);
  if (ids.length === 0) return [];
  const texts = await client.mget(ids.map(key));
  const gone = ids.filter((_, i) => texts[i] === null);
  if (gone.length > 0) await client.srem(all, ...gone);
  return texts.flatMap((text) => (text === null ? [] : [JSON.parse(text) as W]));
}

export const workerWords = (client: Client): Promise<WorkerWord[]> =>
  wordsOf(client, keys.workers, keys.worker);

export const runWords = (client: Client): Promise<RunWord[]> =>
  wordsOf(client, keys.runs, keys.run);

/** A shard that was given up. */
export interface FailedShard {
  readonly job: string;
  readonly task: string;
  readonly reason: string;
}

/** A queue at one moment. */
export interface QueueLook {
  readonly workers: readonly WorkerWord[];
  readonly commands: readonly RunWord[];
  /** Shards that wait for a worker, and that one has. */
  readonly waiting: number;
  readonly active: number;
  /** Shards that were given up within the last hour. */
  readonly failed: readonly FailedShard[];
}

/** Failed shards that are listed. */
const LISTED = 100;

/**
 * Looks at a queue, whatever the versions of those who use it.
 *
 * @throws TemperError `bad-option`, `queue-unreachable`
 */
export async function lookAtQueue(url: string): Promise<QueueLook> {
  const { Queue } = await loadBullmq();
  const connection = await connect(url, () => {});
  const { client } = connection;
  try {
    const [workers, commands] = [await workerWords(client), await runWords(client)];
    let [waiting, active] = [0, 0];
    const failed: FailedShard[] = [];
    for (const name of (await client.smembers(keys.queues)).toSorted()) {
      const queue = new Queue(name, { connection: client, prefix: PREFIX, skipMetasUpdate: true });
      const counts = await queue.getJobCounts("wait", "active", "delayed");
      waiting += counts.wait + counts.delayed;
      active += counts.active;
      for (const job of await queue.getFailed(0, LISTED - 1)) {
        if (job === undefined) continue;
        failed.push({ job: String(job.id), task: job.name, reason: job.failedReason });
      }
      await queue.close();
    }
    return { workers, commands, waiting, active, failed };
  } finally {
    connection.end();
  }
}
