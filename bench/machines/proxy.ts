// A TCP proxy with a delay, that can be cut: the kernel here has no netem. What is held back arrives later, in order,
// as it does over a cable that was pulled for a while.
import { connect, createServer, type Server, type Socket } from "node:net";

/** A proxy that runs. */
export interface TcpProxy {
  readonly port: number;
  /** Bytes that went through, in both directions. */
  bytes(): number;
  /** Lets nothing through for so many milliseconds. */
  cut(milliseconds: number): void;
  close(): Promise<void>;
}

/** @param delay milliseconds that each direction adds */
export async function startProxy(
  target: { readonly port: number; readonly host?: string },
  { delay = 0, host = "127.0.0.1", port = 0 } = {},
): Promise<TcpProxy> {
  let open = 0;
  let bytes = 0;
  const sockets = new Set<Socket>();
  const forward = (from: Socket, to: Socket): void => {
    let last = 0;
    from.on("data", (chunk) => {
      bytes += chunk.length;
      // Not before what came before it, and not while the way is cut.
      last = Math.max(last, performance.now() + delay, open);
      const wait = last - performance.now();
      if (wait <= 0) to.write(chunk);
      else setTimeout(() => to.destroyed || to.write(chunk), wait);
    });
    from.on("error", () => to.destroy());
    from.on("close", () => setTimeout(() => to.destroy(), Math.max(0, last - performance.now())));
  };
  const server: Server = createServer({ noDelay: true }, (near) => {
    const far = connect({ noDelay: true, host: "127.0.0.1", ...target });
    for (const socket of [near, far]) {
      sockets.add(socket);
      socket.on("close", () => sockets.delete(socket));
    }
    forward(near, far);
    forward(far, near);
  });
  await new Promise<void>((resolve) => server.listen(port, host, resolve));
  return {
    port: (server.address() as { port: number }).port,
    bytes: () => bytes,
    cut: (milliseconds) => {
      open = performance.now() + milliseconds;
    },
    close: async () => {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
