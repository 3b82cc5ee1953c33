// The connection to the queue's storage: its address, its credentials, and what is said while it is not there.
//
// BullMQ and its client are optional dependencies, loaded when a queue is asked for.
import { readFileSync } from "node:fs";
import type { Redis } from "ioredis";
import { TemperError } from "../errors.ts";
import { PREFIX, queueName, type Versions } from "./names.ts";

type Client = Redis;

export type { Client };

/** Where the password comes from; it never stands in an address, which `ps` shows. */
const PASSWORD = "TEMPER_QUEUE_PASSWORD";
const PASSWORD_FILE = "TEMPER_QUEUE_PASSWORD_FILE";

/** Milliseconds without a byte while one is waited for, after which a connection is taken for dead. */
const SILENCE = 30_000;

/** Milliseconds between two tries to connect, at most. */
const AGAIN = 1_000;

/** Milliseconds until the first connection must be there. */
const FIRST = 10_000;

/** An address without its secrets. */
export interface QueueAddress {
  readonly host: string;
  readonly port: number;
  readonly db: number;
  readonly username: string | undefined;
  readonly tls: boolean;
}

/**
 * Reads `redis://HOST:6379/0`, or `rediss://` for TLS.
 *
 * @throws TemperError `bad-option` for anything else, and where it holds a password
 */
export function queueAddress(url: string): QueueAddress {
  let read: URL;
  try {
    read = new URL(url);
  } catch {
    throw refused("no address");
  }
  const { protocol, hostname, port, pathname, username, password, search } = read;
  if (protocol !== "redis:" && protocol !== "rediss:") throw refused("neither redis: nor rediss:");
  if (hostname === "") throw refused("without a host");
  if (password !== "") {
    throw new TemperError(
      "bad-option",
      "queue: the address holds a password, which everybody on this machine can see\n" +
        `give it in ${PASSWORD}, or the path of a file with it in ${PASSWORD_FILE}`,
    );
  }
  const db = pathname.replace(/^\//, "");
  if (!/^\d{0,5}$/.test(db) || search !== "")
    throw refused("with more than the number of a database");
  return {
    host: hostname.replace(/^\[(.*)\]$/, "$1"),
    port: port === "" ? 6379 : Number(port),
    db: Number(db),
    username: username === "" ? undefined : decodeURIComponent(username),
    tls: protocol === "rediss:",
  };
}

/** The address is not repeated: it may hold what must not be shown. */
const refused = (what: string): TemperError =>
  new TemperError(
    "bad-option",
    `queue: an address ${what}; expected redis://HOST:6379/0, or rediss:// for TLS`,
  );

function passwordGiven(): string | undefined {
  const { [PASSWORD]: given, [PASSWORD_FILE]: file } = process.env;
  if (file === undefined || file === "") return given === "" ? undefined : given;
  try {
    return readFileSync(file, "utf8").replace(/\r?\n$/, "");
  } catch (cause) {
    throw new TemperError("file-missing", `${PASSWORD_FILE}: "${file}" cannot be read`, { cause });
  }
}

/** Loads an optional dependency. */
async function load<T>(name: string, module: Promise<T>): Promise<T> {
  return module.catch((cause: unknown) => {
    throw new TemperError(
      "bad-option",
      `a queue needs the package ${name}, which was left out here\n"npm install bullmq ioredis" adds what it needs`,
      { cause },
    );
  });
}

export const loadBullmq = (): Promise<typeof import("bullmq")> => load("bullmq", import("bullmq"));

/** Connections to one queue. */
export interface Connection {
  readonly address: QueueAddress;
  readonly client: Client;
  /** A second connection, for calls that wait. */
  another(): Client;
  /** Milliseconds since the storage was last there; 0 while it is. */
  away(): number;
  /** Ends all of them, without waiting for answers. */
  end(): void;
}

/**
 * Connects to a queue.
 *
 * @param onState is told in words when it is lost and when it is there again
 * @throws TemperError `bad-option` for an address that is none; `queue-unreachable` where nothing answers, or refuses
 */
export async function connect(url: string, onState: (words: string) => void): Promise<Connection> {
  const address = queueAddress(url);
  const { default: ioredis } = await load("ioredis", import("ioredis"));
  const { host, port, db, username, tls } = address;
  const RedisClient = ioredis as unknown as typeof Redis;
  const client = new RedisClient({
    ...{ host, port, db, lazyConnect: true, socketTimeout: SILENCE },
    ...(username !== undefined && { username }),
    ...withPassword(passwordGiven()),
    ...(tls && { tls: { servername: host } }),
    // Calls wait until the storage is there again; who waits too long is ended by whoever called.
    maxRetriesPerRequest: null,
    retryStrategy: (times: number) => Math.min(50 * times, AGAIN),
  });
  let lost: number | undefined = performance.now();
  let last = "";
  const place = `${host}:${port}`;
  client.on("error", ({ message }: Error) => {
    last = message;
  });
  const all = new Set<Client>([client]);
  try {
    await firstly(client);
  } catch (error) {
    client.disconnect();
    throw new TemperError(
      "queue-unreachable",
      `the queue at ${place} cannot be used: ${last || (error as Error).message}\n` +
        "check that Redis or Valkey runs there, its address and its credentials",
    );
  }
  lost = undefined;
  let ended = false;
  client.on("close", () => {
    if (ended || lost !== undefined) return;
    lost = performance.now();
    onState(`the queue at ${place} is not reachable: waiting for it`);
  });
  client.on("ready", () => {
    if (lost !== undefined) onState(`the queue at ${place} is there again`);
    lost = undefined;
  });
  return {
    address,
    client,
    another: () => {
      const more = client.duplicate();
      more.on("error", () => {}); // The first connection tells of the same.
      all.add(more);
      return more;
    },
    away: () => (lost === undefined ? 0 : performance.now() - lost),
    end: () => {
      ended = true;
      for (const one of all) one.disconnect();
    },
  };
}

const withPassword = (password: string | undefined) => (password === undefined ? {} : { password });

/** Waits for the first answer. */
async function firstly(client: Client): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error("nothing answers")), FIRST);
  });
  try {
    await Promise.race([client.connect().then(() => client.ping()), late]);
  } finally {
    clearTimeout(timer);
  }
}

/** BullMQ's queue of the shards of one version. */
export async function openBullQueue({ client }: Pick<Connection, "client">, versions: Versions) {
  const { Queue } = await loadBullmq();
  const queue = new Queue(queueName(versions), {
    connection: client,
    prefix: PREFIX,
    streams: { events: { maxLen: 100 } },
  });
  queue.on("error", () => {}); // The connection tells of it.
  return queue;
}
