/** OpenSSH's public keys, as a line of a `.pub` file: `ssh-ed25519 AAAA… you@laptop`. Never with options of authorized_keys. */
import { ALPHABET, fromBase64 } from "./base64.ts";

/** Fields of a key's blob after its type: their names, and how many bytes a field has where that is fixed. */
type Fields = readonly (readonly [name: string, bytes?: number])[];

const curve = (name: string, point: number): Fields => [[name], ["point", point]];

/** The types that the containers' server takes: RFC 8709, RFC 5656, RFC 4253, and OpenSSH's PROTOCOL.u2f. */
const TYPES: Record<string, Fields> = {
  "ssh-ed25519": [["key", 32]],
  "ecdsa-sha2-nistp256": curve("nistp256", 65),
  "ecdsa-sha2-nistp384": curve("nistp384", 97),
  "ecdsa-sha2-nistp521": curve("nistp521", 133),
  "ssh-rsa": [["exponent"], ["modulus"]],
  "sk-ssh-ed25519@openssh.com": [["key", 32], ["application"]],
  "sk-ecdsa-sha2-nistp256@openssh.com": [...curve("nistp256", 65), ["application"]],
};

/** The containers' server refuses shorter ones (RequiredRSASize in sshd_config(5)); 128 bytes are 1,024 bits. */
const LEAST_RSA_BYTES = 128;

/** Why `line` cannot be taken; undefined when it can. */
export function keyProblem(line: string): string | undefined {
  if (/PRIVATE KEY/.test(line)) return "is a private key: give the file that ends in .pub, and keep this one";
  // A line as it is in a file, with its end.
  if (/[\p{Cc}\p{Cs}]/u.test(line.trim())) return "must be one line, without control characters";
  const [type = "", blob] = line.trim().split(/ +/);
  const fields = TYPES[type];
  if (!fields)
    return `must begin with its type: one of ${Object.keys(TYPES).join(", ")}; options are not taken`;
  const bytes = blob === undefined ? undefined : fromBase64(blob);
  if (!bytes) return "must have the key in base64 after its type";
  return isWhole(bytes, type, fields) ? undefined : `is not a whole ${type} key: copy the line again`;
}

/** RFC 4251, section 5: each field has its length before it. */
function isWhole(bytes: Uint8Array, type: string, fields: Fields): boolean {
  let at = 0;
  const next = (): Uint8Array | undefined => {
    if (at + 4 > bytes.length) return undefined;
    const length = new DataView(bytes.buffer, bytes.byteOffset + at).getUint32(0);
    at += 4 + length;
    return at > bytes.length ? undefined : bytes.subarray(at - length, at);
  };
  const is = (found: Uint8Array | undefined, text: string) =>
    found !== undefined && String.fromCharCode(...found) === text;
  if (!is(next(), type)) return false;
  const fits = fields.every(([name, size]) => {
    const found = next();
    if (!found) return false;
    if (name.startsWith("nistp")) return is(found, name);
    if (name === "modulus") return found.length >= LEAST_RSA_BYTES;
    return size === undefined ? found.length > 0 : found.length === size;
  });
  return fits && at === bytes.length;
}

/** `known` and then what `more` adds: the same key with another comment adds nothing. Single spaces. */
export function withKeys(known: readonly string[], more: readonly string[]): string[] {
  const all = new Map<string, string>();
  for (const line of [...known, ...more]) {
    const [type, blob, ...comment] = line.trim().split(/ +/);
    const key = `${type} ${blob}`;
    if (!all.has(key)) all.set(key, [key, ...comment].join(" "));
  }
  return [...all.values()];
}

/** What each of these keys begins with: its type, and the length of what follows (RFC 8709). */
const ED25519 = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAI";
const DIGITS = new Map([...ALPHABET.slice(0, 62), "-", "_"].map((digit, value) => [digit, value]));

/**
 * An Ed25519 key of our protocol (raw, base64url without padding) as a line of OpenSSH's files, without a comment. All its bits move by two,
 * since what comes before is no multiple of six bits. It takes 2 µs: a Session shows a thousand of them.
 */
export function ed25519Line(publicKey: string): string {
  let line = ED25519;
  let before = 0;
  for (const letter of publicKey) {
    const digit = DIGITS.get(letter)!;
    line += ALPHABET[(before << 4) | (digit >> 2)]!;
    before = digit & 3;
  }
  return line;
}
