/** The arguments for `docker exec` of the kit's programs that call the agent (call.ts). `socket` is the call's name. */
import { INSIDE } from "./layout.ts";

/** Size of a terminal, in characters. */
export interface Size {
  cols: number;
  rows: number;
}

/** Runs a command, and leaves a keeper at the socket. The keeper reads signals' names, one a line, and `done` at the end. */
export function execArgv(socket: string, tty: Size | null, command: readonly string[]): string[] {
  const { cols, rows } = tty ?? { cols: 0, rows: 0 };
  return [`${INSIDE.kit}/exec`, socket, String(cols), String(rows), ...command];
}

/**
 * Connects with ports. It reads lines, `forwardLine`, until the socket closes. With an empty environment, since the image's LD_PRELOAD is
 * made for its own libc.
 */
export function forwardArgv(socket: string): string[] {
  const { kit, self } = INSIDE;
  return [
    `${kit}/bin/busybox`,
    "env",
    "-i",
    `${kit}/bin/s6-ipcclient`,
    "-l0",
    `${self}/${socket}`,
    `${kit}/forward`,
  ];
}

/** Asks for one connection, which calls `socket`. A newline comes first if the port accepts; else the socket closes. */
export function forwardLine(socket: string, address: string, port: number): string {
  return `${socket} ${address} ${port}\n`;
}
