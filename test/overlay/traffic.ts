/**
 * Traffic for tests of the network, run inside a namespace: `node traffic.ts COMMAND ARGUMENT...`.
 *
 *   serve PORT                                      echoes TCP and UDP until it is killed; prints "ready", then each UDP message
 *   tcp HOST PORT BYTES                             sends this many bytes, and expects them back
 *   udp HOST PORT TEXT                              sends a datagram, and expects it back
 *   frame VTEP PORT VNI DSTMAC SRC DST DSTPORT TEXT sends an IPv4 UDP datagram in an Ethernet frame in a VXLAN packet (RFC 7348)
 *
 * Exits with 0 if that worked within a second, else with 1 and the reason.
 */
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { connect, createServer } from "node:net";

const patience = 1000;

async function serve(port: number): Promise<void> {
  const udp = createSocket("udp4");
  udp.on("message", (message, from) => {
    console.log(`${from.address} ${message}`);
    udp.send(message, from.port, from.address);
  });
  udp.bind(port);
  const tcp = createServer((socket) => socket.on("error", () => {}).pipe(socket)).listen(port, "0.0.0.0");
  await Promise.all([once(udp, "listening"), once(tcp, "listening")]);
  console.log("ready");
}

async function tcp(host: string, port: number, bytes: number): Promise<void> {
  const socket = connect(port, host);
  await once(socket, "connect");
  socket.end(Buffer.alloc(bytes, 0x5a));
  let back = 0;
  for await (const chunk of socket) back += (chunk as Buffer).length;
  if (back !== bytes) throw new Error(`${back} of ${bytes} bytes came back`);
}

async function udp(host: string, port: number, text: string): Promise<void> {
  const socket = createSocket("udp4");
  socket.send(text, port, host);
  const [message] = await once(socket, "message");
  socket.close();
  if (String(message) !== text) throw new Error(`got ${message}`);
}

async function frame(vtep: string, port: number, vni: number, mac: string, inner: Buffer): Promise<void> {
  const header = Buffer.alloc(8);
  header[0] = 0x08;
  header.writeUIntBE(vni, 4, 3);
  const ethernet = Buffer.from(`${mac.replaceAll(":", "")}0242ffffffff0800`, "hex");
  const socket = createSocket("udp4");
  await new Promise((sent) => socket.send(Buffer.concat([header, ethernet, inner]), port, vtep, sent));
  socket.close();
}

/** Without a UDP checksum, which is optional (RFC 768). */
function ipv4Udp(source: string, destination: string, port: number, text: string): Buffer {
  const packet = Buffer.alloc(28 + text.length);
  packet[0] = 0x45;
  packet.writeUInt16BE(packet.length, 2);
  packet[8] = 64;
  packet[9] = 17;
  Buffer.from(source.split(".").map(Number)).copy(packet, 12);
  Buffer.from(destination.split(".").map(Number)).copy(packet, 16);
  let sum = 0;
  for (let at = 0; at < 20; at += 2) sum += packet.readUInt16BE(at);
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >> 16);
  packet.writeUInt16BE(~sum & 0xffff, 10);
  packet.writeUInt16BE(40000, 20);
  packet.writeUInt16BE(port, 22);
  packet.writeUInt16BE(8 + text.length, 24);
  packet.write(text, 28);
  return packet;
}

async function main([command, ...args]: string[]): Promise<void> {
  if (command === "serve") return serve(Number(args[0]));
  const late = setTimeout(() => fail(`nothing within ${patience} ms`), patience);
  if (command === "tcp") await tcp(args[0]!, Number(args[1]), Number(args[2]));
  else if (command === "udp") await udp(args[0]!, Number(args[1]), args[2]!);
  else if (command === "frame") {
    const [vtep, port, vni, mac, source, destination, inner, text] = args as [string, ...string[]];
    await frame(vtep, Number(port), Number(vni), mac!, ipv4Udp(source!, destination!, Number(inner), text!));
  } else throw new Error(`unknown command ${command}`);
  clearTimeout(late);
}

function fail(reason: string): never {
  console.error(reason);
  process.exit(1);
}

main(process.argv.slice(2)).catch((error: Error) => fail(error.message));
