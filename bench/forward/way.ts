/** A way from the client's machine to ports of the container. */
export interface Way {
  name: "skein" | "ssh";
  /** The local port that leads to a port of the container. */
  local(port: number): number;
  close(): Promise<void>;
}
