// Logs as lines of JSON, for those who collect them: pino, an optional dependency, loaded where --log asks for it.
import { TemperError } from "../errors.ts";
import type { QueueLog } from "../machines/events.ts";

/**
 * Opens a log.
 *
 * @param path of a file, to which is appended; `-` is stderr
 * @throws TemperError `bad-option` without the package, `file-missing` where the file cannot be written
 */
export async function openLog(path: string): Promise<QueueLog> {
  const { default: pino } = await import("pino").catch((cause: unknown) => {
    throw new TemperError(
      "bad-option",
      '--log needs the package pino, which was left out here\n"npm install pino" adds it',
      { cause },
    );
  });
  try {
    // At once, so that nothing is lost where this process is killed.
    const file = pino.destination({ dest: path === "-" ? 2 : path, sync: true, append: true });
    const logger = pino({ base: null }, file);
    return (event, facts) => logger.info({ event, ...facts });
  } catch (cause) {
    throw new TemperError(
      "file-missing",
      `cannot write the log "${path}": ${(cause as Error).message}\nname a file in a folder that exists`,
      { cause },
    );
  }
}
