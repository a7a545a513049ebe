// A React hook that follows a Museo shop's events. Copy it with museo-events.js; no build step.
//
//   const { state, events, snapshots, gaps } = useMuseoEvents({ topics: ["order.ORD-7K4Q2M9X"] });

import { useEffect, useState } from "react";
import { connect } from "./museo-events.js";

const NOTHING = { state: "connecting", events: [], snapshots: {}, gaps: [] };

// What was heard so far; it begins anew when what is asked for changes.
export function useMuseoEvents({ address = "", topics, types = [], ticket, after }) {
  const [heard, setHeard] = useState(NOTHING);
  const asked = JSON.stringify([address, topics, types, typeof ticket === "string" ? ticket : "", after]);
  useEffect(() => {
    const add = (name) => (one) => setHeard((so) => ({ ...so, [name]: [...so[name], one] }));
    setHeard(NOTHING);
    return connect(
      { address, topics, types, ticket, after },
      {
        onEvent: add("events"),
        onGap: add("gaps"),
        onState: (state) => setHeard((so) => ({ ...so, state })),
        onSnapshots: (snapshots, isReset) =>
          setHeard((so) => ({ ...so, snapshots, events: isReset ? [] : so.events })),
      },
    );
  }, [asked]);
  return heard;
}
