/** What stands before an API in the world: TLS for a domain, with a certificate that nobody has signed. Passes bytes on as they are. */
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { connect, createServer as createPlainServer, type Server, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createServer } from "node:tls";

/** At 127.0.0.1. */
export interface Front {
  port: number;
  close(): void;
}

/** `port` 0: a free one. */
export function tlsFront(domain: string, api: string, port: number): Promise<Front> {
  const directory = mkdtempSync(join(tmpdir(), "skein-tls-"));
  const [key, cert] = [join(directory, "key"), join(directory, "cert")];
  const subject = ["-subj", `/CN=${domain}`, "-addext", `subjectAltName=DNS:*.${domain}`];
  const newKey = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-keyout", key];
  execFileSync("openssl", ["req", "-x509", ...newKey, "-out", cert, "-days", "2", ...subject], {
    stdio: "ignore",
  });
  const options = { key: readFileSync(key), cert: readFileSync(cert) };
  rmSync(directory, { recursive: true });
  return listening(
    createServer(options, (socket) => relay(socket, api)),
    port,
  );
}

/** The same without TLS: the API seems to listen on loopback. */
export function plainFront(api: string): Promise<Front> {
  return listening(
    createPlainServer((socket) => relay(socket, api)),
    0,
  );
}

function relay(socket: Socket, api: string): void {
  const { hostname, port } = new URL(api);
  const other = connect(Number(port), hostname);
  for (const each of [socket, other]) each.on("error", () => {});
  socket.pipe(other).pipe(socket);
  socket.on("close", () => other.destroy());
  other.on("close", () => socket.destroy());
}

function listening(server: Server, port: number): Promise<Front> {
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, "127.0.0.1", () => {
      const address = server.address() as { port: number };
      resolve({ port: address.port, close: () => server.close() });
    });
  });
}
