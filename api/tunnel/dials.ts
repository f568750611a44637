/** What the edge has checked about those who dial a Tunnel object. */
import type { AppPlace } from "../../shared/apps/app-headers.ts";
import type { HeldToken } from "../access/token-watch.ts";
import type { Wanted } from "./client-socket.ts";
import type { LogFormat } from "./log-text.ts";

/** A node, as clients' requests name it. */
export interface TunnelNode {
  id: string;
  /** For messages. */
  name: string;
}

/** What the edge has checked about an agent that dials. */
export interface Dialling {
  session: string;
  node: string;
  fleet: string;
  /** Raw Ed25519, base64url. */
  publicKey: string;
}

/** What the edge has checked about a client that dials. */
export interface ClientDial {
  node: TunnelNode;
  wanted: Wanted;
  token: HeldToken;
}

/** A client's request for logs. */
export interface LogsDial {
  session: string;
  nodes: { node: TunnelNode; hosts: string[] }[];
  /** ns since 1970 as decimal text, inclusive. */
  since?: string;
  /** Last lines of each container. */
  tail?: number;
  follow: boolean;
  format: LogFormat;
  token: HeldToken;
}

/** A client's request for files: of a path, or of the same path in several containers. */
export interface FilesDial {
  session: string;
  targets: { node: TunnelNode; host: string }[];
  path: string;
  /** A directory that is missing is made. */
  parents: boolean;
  token: HeldToken;
}

/** A browser's request to an app of main1. */
export interface AppDial {
  node: TunnelNode;
  app: AppPlace & { host: string };
  token: HeldToken;
}

/** Carries a `Dialling`, a `ClientDial` or an `AppDial` as JSON from the edge; it deletes the header from outside. */
export const DIAL_HEADER = "x-skein-dial";
