/** Files into and out of containers, as tar archives. */
import type { Container, Way } from "./dial-stream.ts";
import type { Problem } from "./generated/types.gen.ts";

/** What a path in a container is. `isDirectory`: what it leads to, where it is a link. `size` in bytes, `mode`: permission bits. */
export interface FileStat {
  name: string;
  type: "file" | "directory" | "symlink" | "other";
  isDirectory: boolean;
  size: number;
  mode: number;
  /** Where a symlink leads in the container, absolute; else empty. */
  linkTarget: string;
}

export interface FilesOptions {
  signal?: AbortSignal;
}

export interface PutOptions extends FilesOptions {
  /** Makes the directory if it is missing, and those above it. */
  parents?: boolean;
}

/** Paths in a container. A relative one counts from the container's working directory. */
export interface Files {
  /** What a path is; undefined without such a path. @throws ApiProblem */
  stat(container: Container, path: string, options?: FilesOptions): Promise<FileStat | undefined>;
  /** A file or directory as a tar archive. It breaks with a TypeError where the way is lost. @throws ApiProblem */
  get(
    container: Container,
    path: string,
    options?: FilesOptions,
  ): Promise<{ stat: FileStat; tar: ReadableStream<Uint8Array> }>;
  /** Unpacks a tar archive in a directory. The host `*` means all containers. @throws ApiProblem; what `fetch` throws */
  put(
    container: Container,
    path: string,
    tar: ReadableStream<Uint8Array>,
    options?: PutOptions,
  ): Promise<void>;
}

const TAR = "application/x-tar";

export function filesOf({ api, headers, problem }: Way): Files {
  const ask = async (
    { session, host = "main1" }: Container,
    path: string,
    init: RequestInit,
    { signal, parents }: PutOptions,
  ) => {
    const where = `/v1/sessions/${encodeURIComponent(session)}/containers/${encodeURIComponent(host)}/files`;
    const url = new URL(where, api);
    url.searchParams.set("path", path);
    if (parents) url.searchParams.set("parents", "true");
    const response = await fetch(url, {
      ...init,
      ...(signal ? { signal } : {}),
      headers: { ...headers, ...(init.body ? { "content-type": TAR } : {}) },
    });
    return response;
  };
  return {
    async stat(container, path, options = {}) {
      const response = await ask(container, path, { method: "HEAD" }, options);
      if (response.ok) return statIn(response);
      // An answer to HEAD has no body that says why. What is not there may be the path, the session or the container.
      const again = await ask(container, path, { method: "GET" }, options);
      if (again.ok) {
        await again.body?.cancel();
        return statIn(again);
      }
      const refused = await problem(again);
      const { errors } = (refused as { problem?: Partial<Problem> }).problem ?? {};
      if (again.status === 404 && errors?.some(({ field }) => field === "path")) return undefined;
      throw refused;
    },
    async get(container, path, options = {}) {
      const response = await ask(container, path, {}, options);
      if (!response.ok || !response.body) throw await problem(response);
      return { stat: statIn(response), tar: response.body };
    },
    async put(container, path, tar, options = {}) {
      const init = {
        method: "PUT",
        body: tar,
        // The platform asks for it where a body is a stream (Fetch Standard, `RequestInit.duplex`).
        duplex: "half",
      } as RequestInit;
      const response = await ask(container, path, init, options);
      if (!response.ok) throw await problem(response);
      await response.body?.cancel();
    },
  };
}

function statIn(response: Response): FileStat {
  const encoded = (response.headers.get("skein-path-stat") ?? "").replaceAll("-", "+").replaceAll("_", "/");
  const bytes = Uint8Array.from(atob(encoded), (character) => character.charCodeAt(0));
  return JSON.parse(new TextDecoder().decode(bytes)) as FileStat;
}
