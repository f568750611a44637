/** Where the networks of a fleet's sessions come from: the address pool, the VNIs, VXLAN's port, and where to start. */
import { hashOf } from "./text-hash.ts";

export interface AddressSpace {
  /** CIDR that session subnets are cut from. */
  addressPool: string;
  /** First VNI that may be used. */
  vniBase: number;
  /** How many VNIs from `vniBase` on; fewer where the 24-bit space ends earlier. */
  vniCount: number;
  /** UDP port of VXLAN between nodes. */
  vxlanPort: number;
  /** In [0, 1): the search for a free subnet and VNI starts at this part of the pool and of the VNIs, and wraps around. */
  origin: number;
}

/** The address space of one fleet. Different ids give different origins, so two fleets on the same hosts rarely meet; where they do, nodes report what is in use. */
export function spaceOf(settings: Omit<AddressSpace, "origin">, fleetId: string): AddressSpace {
  const { addressPool, vniBase, vniCount, vxlanPort } = settings;
  return { addressPool, vniBase, vniCount, vxlanPort, origin: hashOf(fleetId) / 2 ** 32 };
}
