/** Who may do what, as one table. */

/** From least to most: each role may do everything that earlier ones may. */
export const ROLES = ["viewer", "user", "admin"] as const;
export type Role = (typeof ROLES)[number];

/**
 * What each operation (by its operationId) needs: at least a role; `agent`: a join token, or a node's key; `anyone`: nothing.
 * docs/access.md is this table; a test compares them.
 */
export const ACCESS = {
  listSessions: "viewer",
  getSession: "viewer",
  streamSessionEvents: "viewer",
  streamEvents: "viewer",
  planSession: "viewer",
  readLogs: "viewer",
  execContainer: "user",
  forwardPort: "user",
  putFiles: "user",
  getFiles: "user",
  createAppLink: "user",
  createSession: "user",
  startSession: "user",
  endSession: "user",
  addSshKeys: "user",
  listNodes: "admin",
  getNode: "admin",
  patchNode: "admin",
  removeNode: "admin",
  createJoinToken: "admin",
  createToken: "admin",
  listTokens: "admin",
  revokeToken: "admin",
  listRegistries: "admin",
  getRegistry: "admin",
  setRegistry: "admin",
  removeRegistry: "admin",
  listAudit: "admin",
  joinAgent: "agent",
  connectAgent: "agent",
  openTunnel: "agent",
  getHealth: "anyone",
  getOpenApi: "anyone",
  getSessionSchema: "anyone",
  getDocs: "anyone",
} as const satisfies Record<string, Role | "agent" | "anyone">;

export type OperationId = keyof typeof ACCESS;

export function isRole(text: string): text is Role {
  return ROLES.some((role) => role === text);
}

/** Whether `role` includes the rights of `least`. */
export function allows(role: Role, least: Role): boolean {
  return ROLES.indexOf(role) >= ROLES.indexOf(least);
}
