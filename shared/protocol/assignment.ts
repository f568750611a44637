/**
 * A node's assignment in a session: the layout, which is the same for all nodes of the session, and the node's own part. The Session stores
 * both when the plan begins, sends them once per epoch, and never changes them within it.
 *
 * Every node learns every container, so a session costs O(nodes × containers) bytes in all. So the layout uses columns and places instead
 * of objects and ids: 1,000 containers on 500 nodes take 43 KB per node, and 100 KB more for the public keys.
 */
import { z } from "zod";
import type { Listed } from "../frameworks/host-files.ts";
import { UlimitsView } from "../node/ulimits.ts";
import { ImageName } from "../request/container-schemas.ts";
import { LOGIN_NAME } from "../ssh/login-name.ts";
import { HostPath } from "../text/text-schemas.ts";

/** Id of a session, node or fleet. It becomes part of keys, paths, interface aliases and labels. */
export const Id = z.string().regex(/^[\w-]{1,64}$/, "must be an id: 1 to 64 letters, digits, _ and -");

/** Role and index. It becomes a line of hosts files and SSH configurations, and a directory. */
export const Host = z.string().regex(/^[a-z][a-z0-9-]{0,31}$/, "must be a host like main1");

/** A raw Ed25519 public key (RFC 8032), base64url without padding. */
export const PublicKey = z.string().regex(/^[A-Za-z0-9_-]{43}$/, "must be a raw Ed25519 key, base64url");

/** Index of a node in the layout's `nodes`. */
const Place = z.int().min(0).max(1023);

/** One container as its node creates it. `env` is added to the layout's. */
export const ContainerSpec = z.object({
  host: Host,
  role: z.string(),
  rank: z.int(),
  address: z.ipv4(),
  image: ImageName,
  command: z.array(z.string()).optional(),
  entrypoint: z.array(z.string()).optional(),
  user: z.string().optional(),
  workdir: z.string().optional(),
  env: z.record(z.string(), z.string()),
  /** Variables for launchers, beside the layout's: each is set unless the image has a value of its own. */
  launchers: z.record(z.string(), z.string()),
  /** Paths of the files for launchers. The node makes those that it knows from the layout. */
  files: z.array(z.string()),
  /** Cores; bytes; bytes; Docker device ids. */
  resources: z.object({
    cpu: z.number().optional(),
    memory: z.int().optional(),
    shm: z.int().optional(),
    gpuIds: z.array(z.string()),
  }),
  /** Soft and hard alike. Missing: the engine's default. */
  ulimits: UlimitsView.optional(),
  /** Access to the node itself; the node refuses what its operator does not allow. */
  mounts: z.array(z.object({ source: HostPath, target: HostPath, readOnly: z.boolean() })).optional(),
  devices: z.array(HostPath).optional(),
  privileged: z.literal(true).optional(),
  /** On the node's own network, where it serves SSH at its address in the session. */
  hostNetwork: z.literal(true).optional(),
  /** How often the agent restarts it after an exit code other than 0. Missing: never. */
  maxRestarts: z.int().min(1).optional(),
});
export type ContainerSpec = z.infer<typeof ContainerSpec>;

/** The part of an assignment that all nodes of a session share. */
export const Layout = z
  .object({
    name: z.string(),
    network: z.object({
      driver: z.enum(["bridge", "overlay"]),
      subnet: z.cidrv4(),
      /** Linux allows no MTU below 68 on an interface with IPv4. */
      mtu: z.int().min(68).max(65535),
      vni: z.int().min(1).max(0xffffff).optional(),
      port: z.int().min(1).max(65535),
      egress: z.boolean(),
    }),
    /** Each node's VTEP, and its own address in the subnet. */
    nodes: z.array(z.tuple([z.ipv4(), z.ipv4()])).max(1024),
    /** Roles and replicas; with the index they give every host's name, in rank order. */
    roles: z.array(z.tuple([z.string().regex(/^[a-z][a-z0-9-]{0,30}$/), z.int().min(1).max(1024)])).max(1024),
    /** How many processes launchers start in a container of each role, in the order of `roles`. */
    slots: z.array(z.int().min(1)).max(1024),
    /** In rank order: a container's address, its node's place, and 1 if it is on that node's own network. */
    members: z.array(z.tuple([z.ipv4(), Place, z.union([z.literal(0), z.literal(1)])])).max(1024),
    /** Variables that every container has. */
    env: z.record(z.string(), z.string()),
    /** Variables for launchers that every container has. */
    launchers: z.record(z.string(), z.string()),
    /** What each node keeps of a container's output: bytes, and seconds after the session's end there. */
    logs: z.object({ bytes: z.int().min(1), seconds: z.int().min(0) }),
  })
  .refine(({ roles, members }) => roles.reduce((sum, [, replicas]) => sum + replicas, 0) === members.length, {
    path: ["members"],
    message: "must be as many as the roles have replicas",
  })
  .refine(({ roles, slots }) => roles.length === slots.length, {
    path: ["slots"],
    message: "must be as many as there are roles",
  })
  .refine(({ nodes, members }) => members.every(([, place]) => place < nodes.length), {
    path: ["members"],
    message: "must be on nodes of the layout",
  });
export type Layout = z.infer<typeof Layout>;

/** One node's own part. */
export const Part = z.object({
  /** This node's own. */
  place: Place,
  containers: z.array(ContainerSpec),
  /** By role: the variables of its containers that nothing shows (`secretEnv`). The node stores them, since only Docker has them otherwise. */
  secretEnv: z.record(z.string(), z.record(z.string(), z.string())).optional(),
  /** What the node's first container proves before the gates open. */
  proof: z.object({
    /** It logs in to these hosts by SSH. */
    ssh: z.array(Host),
    /** It exchanges a packet of full MTU with the first container of these nodes. */
    ping: z.array(Place),
  }),
});
export type Part = z.infer<typeof Part>;

/** Public halves of all containers of a session in rank order: login name, host key, user key. */
export const SessionKeys = z.array(z.tuple([z.string().regex(LOGIN_NAME), PublicKey, PublicKey])).max(1024);
export type SessionKeys = z.infer<typeof SessionKeys>;

/** Another node of the session. `gateway` is its address inside the subnet. */
export interface PeerNode {
  place: number;
  vtep: string;
  gateway: string;
}

/** A container of the session, on whatever node. */
export interface Member {
  host: string;
  address: string;
  place: number;
  /** It is on its node's own network: the node answers at its address. */
  onNode?: true;
}

/** Whether this node has a container on its own network. */
export function hasOnNode({ members, place }: { members: readonly Member[]; place: number }): boolean {
  return members.some((member) => member.onNode && member.place === place);
}

/** Layout and part, expanded: the agent works with this form. */
export interface Assignment {
  session: string;
  epoch: number;
  name: string;
  place: number;
  network: Layout["network"] & {
    /** This node's own address in the subnet. */
    gateway: string;
    vtep: string;
    /** The other nodes; empty for a bridge. */
    peers: PeerNode[];
  };
  logs: Layout["logs"];
  /** This node's containers, with their whole environment, secrets included (without the image's own). */
  containers: ContainerSpec[];
  /** All containers of the session, in rank order. */
  members: Member[];
  /** The same containers, as files for launchers list them. */
  listed: Listed[];
  /** For one container of this node: hosts to log in to, and hosts to exchange a packet with. */
  proof: { ssh: string[]; ping: string[] };
}

/** Expands an assignment. @throws Error if the layout does not have the part's place. */
export function assignmentOf(session: string, epoch: number, layout: Layout, part: Part): Assignment {
  const { name, network, nodes, env, launchers, logs } = layout;
  const own = nodes[part.place];
  if (!own) throw new Error(`place ${part.place} is not among the ${nodes.length} nodes of the session`);
  const peers = nodes.map(([vtep, gateway], place) => ({ place, vtep, gateway }));
  const listed = listedOf(layout);
  const members = membersOf(layout, listed);
  const firstAt = new Map(members.toReversed().map(({ host, place }) => [place, host]));
  return {
    session,
    epoch,
    name,
    place: part.place,
    network: {
      ...network,
      gateway: own[1],
      vtep: own[0],
      peers: peers.filter(({ place }) => place !== part.place),
    },
    logs,
    containers: part.containers.map((spec) => ({
      ...spec,
      env: { ...spec.env, ...part.secretEnv?.[spec.role], ...env },
      launchers: { ...spec.launchers, ...launchers },
    })),
    members,
    listed,
    proof: { ssh: part.proof.ssh, ping: part.proof.ping.flatMap((place) => firstAt.get(place) ?? []) },
  };
}

function listedOf({ roles, slots }: Layout): Listed[] {
  return roles.flatMap(([role, replicas], at) =>
    Array.from({ length: replicas }, (_, index) => ({
      host: `${role}${index + 1}`,
      role,
      slots: slots[at]!,
    })),
  );
}

function membersOf({ members }: Layout, listed: readonly Listed[]): Member[] {
  return members.map(([address, place, onNode], rank) => ({
    host: listed[rank]!.host,
    address,
    place,
    ...(onNode === 1 ? { onNode: true } : {}),
  }));
}
