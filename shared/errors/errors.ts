/** The table of errors: every `code` that a caller can get, its HTTP status, and its title for people. */

/** Codes are stable. `status`: HTTP status of the answer (RFC 9110). `title`: the short text of RFC 9457's problem details. */
export const ERRORS = {
  malformed_json: { status: 400, title: "The body is not valid JSON" },
  invalid_request: { status: 400, title: "The request has fields that cannot be used" },
  too_many_containers: { status: 400, title: "The session has too many containers" },
  session_too_large: { status: 400, title: "The session's env and commands are too large" },
  unauthorized: { status: 401, title: "A valid bearer token is needed" },
  join_token_invalid: { status: 401, title: "The join token is unknown, used or expired" },
  forbidden: { status: 403, title: "This token may not do that" },
  not_allowed: { status: 403, title: "No node of the fleet allows that" },
  not_found: { status: 404, title: "There is no such thing" },
  method_not_allowed: { status: 405, title: "This path does not answer that method" },
  name_in_use: { status: 409, title: "The name is taken" },
  unschedulable: { status: 409, title: "The fleet cannot hold this session" },
  not_running: { status: 409, title: "The session or container does not run" },
  node_busy: { status: 409, title: "The node still has work" },
  idempotency_conflict: { status: 409, title: "The Idempotency-Key was used with another body" },
  apps_domain_missing: { status: 409, title: "The API has no domain for apps" },
  too_many_live_sessions: { status: 409, title: "The project has as many live sessions as it may" },
  too_many_live_containers: { status: 409, title: "The project has as many live containers as it may" },
  too_many_registries: { status: 409, title: "The project has credentials for as many registries as it may" },
  secrets_key_missing: { status: 409, title: "This API cannot store secrets" },
  body_too_large: { status: 413, title: "The body is too large" },
  unsupported_media_type: { status: 415, title: "The body has another media type than this path takes" },
  unsupported: { status: 422, title: "This is not built yet" },
  upgrade_required: { status: 426, title: "This path speaks WebSocket only" },
  rate_limited: { status: 429, title: "Too many requests for this token" },
  too_many_streams: { status: 429, title: "Too many streams are open" },
  internal: { status: 500, title: "Something broke on our side" },
  app_unreachable: { status: 502, title: "The app does not answer" },
  node_disconnected: { status: 503, title: "The node is not connected" },
  unavailable: { status: 503, title: "The API cannot do its part just now" },
  no_space: { status: 507, title: "The container has no room for the files" },
} as const satisfies Record<string, { status: number; title: string }>;

export type ErrorCode = keyof typeof ERRORS;

/** One field at fault: `field` as written in the request (`roles[1].replicas`), and what to do about it. */
export interface FieldError {
  field: string;
  message: string;
}

/** `["roles", 1, "env", "A"]` → `roles[1].env.A`; names other than plain words are quoted, long ones cut. */
export function fieldPath(path: readonly PropertyKey[]): string {
  return path.reduce<string>((text, part) => {
    if (typeof part === "number") return `${text}[${part}]`;
    const name = String(part);
    const short = name.length > 64 ? `${name.slice(0, 63)}…` : name;
    if (!/^[\w-]+…?$/.test(short)) return `${text}[${JSON.stringify(short)}]`;
    return text ? `${text}.${short}` : short;
  }, "");
}

/** RFC 9457 problem details, as Skein sends them. */
export interface Problem {
  type: string;
  title: string;
  status: number;
  code: ErrorCode;
  detail: string;
  errors?: FieldError[];
  nodes?: { node: string; reason: string }[];
  /** Seconds; also the answer's Retry-After (RFC 9110). */
  retryAfter?: number;
}

type Extra = Pick<Problem, "errors" | "nodes" | "retryAfter">;

/** An error with a code. Any code may throw it; api/http/problem.ts turns it into an answer. */
export class SkeinError extends Error {
  readonly code: ErrorCode;
  readonly extra: Extra;

  constructor(code: ErrorCode, detail: string, extra: Extra = {}) {
    super(detail);
    this.name = "SkeinError";
    this.code = code;
    this.extra = extra;
  }

  toProblem(): Problem {
    const { status, title } = ERRORS[this.code];
    return {
      type: `urn:skein:error:${this.code}`,
      title,
      status,
      code: this.code,
      detail: this.message,
      ...this.extra,
    };
  }
}

/** Restores an error from another object: the platform keeps its fields, but not its class. Undefined if it is no SkeinError. */
export function skeinErrorOf(error: unknown): SkeinError | undefined {
  if (error instanceof SkeinError) return error;
  if (!(error instanceof Error)) return undefined;
  const { code, extra } = error as Partial<SkeinError>;
  if (error.name !== "SkeinError" || code === undefined || !Object.hasOwn(ERRORS, code)) return undefined;
  return new SkeinError(code, error.message, extra);
}

/** The error for bad fields: `detail` names the first, `errors` lists all. */
export function invalidFields(errors: FieldError[], code: ErrorCode = "invalid_request"): SkeinError {
  const first = errors[0];
  return new SkeinError(code, first ? `${first.field || "body"}: ${first.message}` : ERRORS[code].title, {
    errors,
  });
}
