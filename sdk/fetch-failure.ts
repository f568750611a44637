/** Why a request failed on its way, in words. */

/** `ECONNREFUSED`, `other side closed`: of an error that `fetch`, or the reading of its answer, has thrown. */
export function fetchFailure(error: unknown): string {
  const { message, cause } = error as Error & { cause?: { code?: string; message?: string } };
  // Codes of the system are known to people; Node's own (UND_ERR_SOCKET) are not.
  if (cause?.code?.startsWith("UND_ERR_")) return cause.message || cause.code;
  return cause?.code ?? cause?.message ?? message;
}
