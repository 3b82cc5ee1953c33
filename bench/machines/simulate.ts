// A command and its workers as events: where a run on more machines stops growing, and why.
//
//     a worker   takes a shard, computes for c seconds, sends its answer and asks for the next: two ways there and back
//     the link   each answer of b bytes comes in through the command's own link, one after the other
//     the command spends q seconds of its one process on each shard; it has 3 shards a process on the queue
//     a map      begins when the one before it has ended: theta must be known, and one way takes l seconds
//
// What is left out: Redis (a core of its own), other users of the network, workers that die.

/** What a run is made of. */
export interface SimulatedRun {
  /** Shards of each map, one after the other. */
  readonly maps: readonly number[];
  /** Seconds that a shard takes a process. */
  readonly compute: number;
  /** Seconds of the command for each shard. */
  readonly handle: number;
  /** Bytes of an answer. */
  readonly bytes: number;
  /** Seconds of the command between two maps: cuts, subproblems, whatever is not shared out. */
  readonly between: number;
}

/** Where it runs. */
export interface SimulatedPlace {
  readonly processes: number;
  /** Seconds of one way between a worker and the queue. */
  readonly latency: number;
  /** Bytes a second into the command. */
  readonly bandwidth: number;
}

/** How long it takes, and the shares of that time in which the workers, the link and the command are busy. */
export interface Simulated {
  readonly seconds: number;
  readonly workers: number;
  readonly link: number;
  readonly command: number;
}

const IN_FLIGHT = 3;

/** Follows every shard of a run. */
export function simulate(run: SimulatedRun, place: SimulatedPlace): Simulated {
  const { processes, latency, bandwidth } = place;
  const transfer = run.bytes / bandwidth;
  let now = 0;
  let shards = 0;
  // When each is free: the processes in a heap, the others one by one.
  const free = new Float64Array(processes);
  let [link, command] = [0, 0];
  for (const count of run.maps) {
    now += run.between;
    const ended = new Float64Array(count);
    free.fill(now);
    [link, command] = [now, now];
    for (let i = 0; i < count; i++) {
      // Added once the one that many places before it is answered, by then on its way for a moment.
      const before = i - IN_FLIGHT * processes;
      const added = Math.max(now, before >= 0 ? ended[before] : now) + 2 * latency;
      const begins = Math.max(added, free[0]);
      const computed = begins + run.compute;
      replaceLeast(free, computed + 4 * latency);
      link = Math.max(link, computed + 2 * latency) + transfer;
      command = Math.max(command, link) + run.handle;
      ended[i] = command;
    }
    now = command;
    shards += count;
  }
  const rest = run.maps.length * run.between;
  return {
    seconds: now,
    workers: (shards * run.compute) / (processes * now),
    link: (shards * transfer) / now,
    command: (shards * run.handle + rest) / now,
  };
}

/** Replaces the least of a heap, which stands first, by a number that is no less. */
function replaceLeast(heap: Float64Array, value: number): void {
  let at = 0;
  for (;;) {
    let child = 2 * at + 1;
    if (child >= heap.length) break;
    if (child + 1 < heap.length && heap[child + 1] < heap[child]) child++;
    if (heap[child] >= value) break;
    heap[at] = heap[child];
    at = child;
  }
  heap[at] = value;
}
