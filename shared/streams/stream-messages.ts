/**
 * Control messages of streams and tunnels, in one file. A stream is one exec, one TCP connection to a port, the logs of some containers,
 * files into or out of a container, or one HTTP request to an app.
 * docs/streams.md explains them for a client in another language.
 */
import { z } from "zod";
import { Host, Id } from "../protocol/assignment.ts";
import { STREAM_WINDOW } from "./credit.ts";
import { STREAM_END_CODES } from "./ends.ts";

/** Signals that a client may send (signal(7)). */
export const SIGNALS = [
  "HUP",
  "INT",
  "QUIT",
  "TERM",
  "KILL",
  "USR1",
  "USR2",
  "WINCH",
  "CONT",
  "STOP",
  "TSTP",
] as const;

/** Size of a terminal, in characters. */
const Size = { cols: z.int().min(1).max(65_535), rows: z.int().min(1).max(65_535) };

const name = z.string().min(1).max(4096);
/** Linux's limit for one argument (MAX_ARG_STRLEN). */
const argument = z.string().max(131_072);

/** The first frame of an exec. `user` and `workdir` as in a session request; by default the container's own. */
export const ExecStart = z.strictObject({
  type: z.literal("start"),
  command: z.array(argument).min(1).max(4096),
  tty: z.strictObject(Size).nullable().default(null),
  env: z
    .record(
      z
        .string()
        .regex(/^[^=\0]+$/)
        .max(4096),
      argument,
    )
    .optional(),
  user: name.optional(),
  workdir: name.optional(),
});
export type ExecStart = z.infer<typeof ExecStart>;

export const Resize = z.object({ type: z.literal("resize"), ...Size });
export const Signal = z.object({ type: z.literal("signal"), name: z.enum(SIGNALS) });
/** The final receiver has consumed so many bytes. */
export const Grant = z.object({ type: z.literal("credit"), bytes: z.int().min(1).max(STREAM_WINDOW) });
/** The sender has no more data for this direction: end of file. The other direction goes on. */
export const End = z.object({ type: z.literal("end") });
/** The stream is over. Nothing follows. `reason` is for people. */
export const Close = z.object({
  type: z.literal("close"),
  code: z.enum(STREAM_END_CODES),
  reason: z.string().max(4096),
});
export type Close = z.infer<typeof Close>;

/** The command runs, the connection stands, or the logs begin. `window`: initial credit of each direction. */
export const Opened = z.object({ type: z.literal("opened"), window: z.int().min(1).max(STREAM_WINDOW) });
/** The command's exit code; 128 + signal if a signal ended it. `close` follows. */
export const Exit = z.object({ type: z.literal("exit"), code: z.int() });
/** Logs: all that was there has been sent, and what follows is new. */
export const Live = z.object({ type: z.literal("live") });

/** Files: what the path is, after `opened`. `type`: of itself; `isDirectory`: of what it leads to. `mode`: permission bits. `size` in bytes. */
export const FileStat = z.object({
  name: z.string().max(4096),
  type: z.enum(["file", "directory", "symlink", "other"]),
  isDirectory: z.boolean(),
  size: z.number(),
  mode: z.int().min(0).max(0o7777),
  /** Where a symlink leads in the container, absolute; else empty. */
  linkTarget: z.string().max(4096),
});
export type FileStat = z.infer<typeof FileStat>;
export const Stat = z.object({ type: z.literal("stat"), stat: FileStat });

/** Headers in order, as they came; names may repeat. */
const HeaderPairs = z.array(z.tuple([z.string().max(1024), z.string().max(65_536)])).max(512);
/** HTTP: the answer's head. The body follows as data; after 101 messages do (socket-messages.ts). */
export const HttpResponse = z.object({
  type: z.literal("response"),
  status: z.int().min(101).max(599),
  headers: HeaderPairs,
});
export type HttpResponse = z.infer<typeof HttpResponse>;

/** From a client, after `start`. */
export const FromClient = z.discriminatedUnion("type", [Resize, Signal, Grant, End, Close]);
export type FromClient = z.infer<typeof FromClient>;

/** From an agent, and passed on to the client. */
export const FromAgent = z.discriminatedUnion("type", [
  Opened,
  Exit,
  Live,
  Stat,
  HttpResponse,
  Grant,
  End,
  Close,
]);
export type FromAgent = z.infer<typeof FromAgent>;

/** A path in a container. A relative one counts from the container's working directory. */
export const FilesPath = z
  .string()
  .min(1)
  .max(4096)
  .regex(/^[^\0]+$/, "must be a path in the container, like /data");

const opening = { type: z.literal("open"), window: z.int().min(1).max(STREAM_WINDOW) };

export const OpenExec = z.object({ ...opening, kind: z.literal("exec"), host: Host, start: ExecStart });
export const OpenPort = z.object({
  ...opening,
  kind: z.literal("port"),
  host: Host,
  port: z.int().min(1).max(65_535),
});
/** Logs of containers of this node. `since`: ns since 1970 as decimal text, inclusive. `tail`: last lines of each. */
export const OpenLogs = z.object({
  ...opening,
  kind: z.literal("logs"),
  hosts: z.array(Host).min(1).max(1024),
  since: z
    .string()
    .regex(/^\d{1,19}$/)
    .optional(),
  tail: z.int().min(0).optional(),
  follow: z.boolean(),
});
/** A tar archive that is unpacked in a directory (`put`), or made of a path (`get`); or only what the path is. */
export const OpenFiles = z.object({
  ...opening,
  kind: z.literal("files"),
  host: Host,
  direction: z.enum(["put", "get", "stat"]),
  path: FilesPath,
  /** `put`: a directory that is missing is made, with those above it. */
  parents: z.boolean().optional(),
});
/** One request to a web server of a container. `webSocket`: it asks for one, and no body follows. */
export const OpenHttp = z.object({
  ...opening,
  kind: z.literal("http"),
  host: Host,
  port: z.int().min(1).max(65_535),
  method: z.string().regex(/^[A-Za-z]{1,32}$/),
  /** With its query. */
  path: z
    .string()
    .max(65_536)
    .regex(/^\/[!-~]*$/),
  headers: HeaderPairs,
  webSocket: z.boolean(),
});
/** The API opens a stream with the next free number. */
export const Open = z.discriminatedUnion("kind", [OpenExec, OpenPort, OpenLogs, OpenFiles, OpenHttp]);
export type Open = z.infer<typeof Open>;
export type OpenExec = z.infer<typeof OpenExec>;
export type OpenPort = z.infer<typeof OpenPort>;
export type OpenLogs = z.infer<typeof OpenLogs>;
export type OpenFiles = z.infer<typeof OpenFiles>;
export type OpenHttp = z.infer<typeof OpenHttp>;

/** From the API to an agent, on a stream's control channel. */
export const ToAgent = z.union([Open, FromClient]);
export type ToAgent = z.infer<typeof ToAgent>;

/** First message of the API on a tunnel, as text: who it is, and the nonce to sign. */
export const TunnelChallenge = z.object({
  type: z.literal("challenge"),
  fleet: Id,
  nonce: z.string().max(256),
});
export type TunnelChallenge = z.infer<typeof TunnelChallenge>;

/** The agent's answer, as text: an Ed25519 signature (RFC 8032) over `tunnelProof`, base64url. */
export const TunnelHello = z.object({ type: z.literal("hello"), signature: z.string().max(128) });
export type TunnelHello = z.infer<typeof TunnelHello>;

/** The text that a node signs to open a tunnel. */
export function tunnelProof(fleet: string, node: string, session: string, nonce: string): string {
  return ["skein-tunnel-v1", fleet, node, session, nonce].join("\n");
}
