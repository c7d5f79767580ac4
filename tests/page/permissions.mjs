// Prints what the page offers, for each role, kind of room and request, as JSON.
import { mayIn, mayTo } from "../../chatd/page/ui/permissions.js";

const [requests, kinds] = JSON.parse(process.argv[2]), roles = ["reader", "member", "moderator", "owner"], found = [];
for (const request of requests)
  for (const kind of kinds)
    for (const archived of [false, true])
      for (const role of roles) {
        const room = { role, kind, archived, peer: kind === "direct" ? "ben" : "" };
        found.push([request, kind, archived, role, mayIn(room, request, false), roles.filter((other) => mayTo(room, request, false, other))]);
      }
console.log(JSON.stringify(found));
