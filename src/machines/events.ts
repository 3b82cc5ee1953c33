// What machines tell of what they do, for logs.

/** Is told of an event by a word for it, and its facts. They hold no credentials. */
export type QueueLog = (event: string, facts: Readonly<Record<string, unknown>>) => void;
