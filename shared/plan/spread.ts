/** The placement strategy "spread". */
import { fits } from "./need.ts";
import { type Counts, type Group, leastFrom, type Room, type Trial, take } from "./room.ts";

/** Each container goes where this session has the fewest, so that counts differ by one where there is room. */
export function spread(groups: Group[], rooms: Room[]): Trial {
  const counts: Counts = new Map();
  const least = leastFrom(groups);
  const queue = rooms.filter((room) => fits(least[0]!, room.free));
  for (const group of groups) {
    let at = 0;
    for (const unit of group.units) {
      // Rooms only shrink: what was too small for this group once is too small for the rest of it.
      while (at < queue.length && !fits(group.need, queue[at]!.free)) at++;
      const room = queue[at];
      if (!room) return { counts, stuck: { group, unit, rooms } };
      take(counts, group, room, 1);
      queue.splice(at, 1);
      queue.splice(placeInQueue(queue, room, at), 0, room);
    }
  }
  return { counts };
}

/** Binary search for a room's place by (taken, order), from `from` on. */
function placeInQueue(queue: Room[], room: Room, from: number): number {
  let low = from;
  let high = queue.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    const other = queue[middle]!;
    if (other.taken < room.taken || (other.taken === room.taken && other.order < room.order))
      low = middle + 1;
    else high = middle;
  }
  return low;
}
