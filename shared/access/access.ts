/** Who may do what, as one table. */

/** Least first: each may do all that the ones before it may. */
export const ROLES = ["viewer", "user", "admin"] as const;
export type Role = (typeof ROLES)[number];

/**
 * What each operation (by its operationId) asks of its caller: at least a role; `agent`: a join token, or a node's key;
 * `anyone`: nothing. docs/access.md is this table; a test keeps them alike.
 */
export const ACCESS = {
  listSessions: "viewer",
  getSession: "viewer",
  streamSessionEvents: "viewer",
  planSession: "viewer",
  createSession: "user",
  endSession: "user",
  listNodes: "admin",
  getNode: "admin",
  patchNode: "admin",
  removeNode: "admin",
  createJoinToken: "admin",
  createToken: "admin",
  listTokens: "admin",
  revokeToken: "admin",
  listAudit: "admin",
  joinAgent: "agent",
  connectAgent: "agent",
  getHealth: "anyone",
  getOpenApi: "anyone",
  getDocs: "anyone",
} as const satisfies Record<string, Role | "agent" | "anyone">;

export type OperationId = keyof typeof ACCESS;

export function isRole(text: string): text is Role {
  return ROLES.some((role) => role === text);
}

/** May a bearer of `role` do what asks for at least `least`? */
export function allows(role: Role, least: Role): boolean {
  return ROLES.indexOf(role) >= ROLES.indexOf(least);
}
