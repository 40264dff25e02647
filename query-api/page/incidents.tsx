/** What people were told of and is not over; one click says that somebody looks at it. */
import { useState } from "preact/hooks";
import { type Incident, type Incidents as Answer, address, useAnswer } from "./api.ts";
import { moment } from "./format.ts";
import type { Place } from "./location.ts";

const NAME = "assay.name";

export function Incidents({ place, round }: { place: Place; round: number }) {
  const [done, setDone] = useState(0);
  const query = { from: "now-30d", to: "now", open: "true", project: place.project };
  const answer = useAnswer<Answer>(address("/api/v1/incidents", query), round + done);
  if (answer.state !== "ready" || answer.value.incidents.length === 0) return null;
  return (
    <section class="card" aria-label="Incidents" data-testid="incidents">
      <h2>Incidents</h2>
      <div class="scroll">
        <table>
          <thead>
            <tr>
              <th>Told as</th>
              <th>What</th>
              <th>Since</th>
              <th>Who looks at it</th>
            </tr>
          </thead>
          <tbody>
            {answer.value.incidents.map((one) => (
              <Line key={one.incident} incident={one} onDone={() => setDone(done + 1)} />
            ))}
          </tbody>
        </table>
      </div>
    </section>
  );
}

function Line({ incident, onDone }: { incident: Incident; onDone: () => void }) {
  const { severity, title, opened, acknowledged_by: by } = incident;
  return (
    <tr>
      <td>
        <span class={`badge ${severity === "page" ? "bad" : "warn"}`}>{severity}</span>
      </td>
      <td>{title}</td>
      <td class="muted">{moment(opened)}</td>
      <td>{by === "" ? <Acknowledge id={incident.incident} onDone={onDone} /> : by}</td>
    </tr>
  );
}

function Acknowledge({ id, onDone }: { id: string; onDone: () => void }) {
  const [name, setName] = useState(localStorage.getItem(NAME) ?? "");
  const [problem, setProblem] = useState("");
  const send = async (): Promise<void> => {
    localStorage.setItem(NAME, name);
    const response = await fetch("/api/v1/incidents/acknowledge", {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ incident: id, by: name }),
    }).catch(() => undefined);
    if (response?.ok) return onDone();
    const said = (await response?.json().catch(() => undefined)) as
      | { error?: { message?: string } }
      | undefined;
    setProblem(said?.error?.message ?? "the server cannot be reached");
  };
  return (
    <>
      <input
        type="text"
        aria-label="Your name"
        placeholder="your name"
        value={name}
        maxLength={100}
        onInput={(event) => setName(event.currentTarget.value)}
      />{" "}
      <button
        type="button"
        data-testid="acknowledge"
        disabled={name.trim() === ""}
        onClick={() => void send()}
      >
        Acknowledge
      </button>
      {problem && <p role="alert">{problem}</p>}
    </>
  );
}
