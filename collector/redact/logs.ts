/**
 * Redacts a logs request: the attributes and the body of each record, as for spans. Without content, a message keeps its
 * metadata only, and an evaluation what is no content by its name.
 */
import { EVENT_NAME_KEY, LOG_EVENTS, type LogEventKind } from "../otlp/log-events.ts";
import { Rewriter, textOf } from "./rewriter.ts";
import { walkItem, walkRequest, type Redaction, type RedactRules } from "./traces.ts";

export function createLogRedactor({
  rules,
  projects,
}: RedactRules): (body: Uint8Array) => Redaction {
  const rewriter = new Rewriter(rules, projects);
  return (body) => {
    rewriter.begin(body);
    rewriter.counts.clear();
    rewriter.total = 0;
    walkRequest(rewriter, body.length, walkLogRecord, 0x12);
    const changed = rewriter.patch.apply(body);
    return { body: changed, redactions: rewriter.total, byLabel: new Map(rewriter.counts) };
  };
}

function walkLogRecord(rewriter: Rewriter, end: number, project: string): void {
  const isMessage = () => kindOf(rewriter, end) !== "evaluation";
  walkItem(rewriter, end, { project, attributeTag: 0x32, isMessage }, (tag, tagAt, stop) => {
    if (tag === 0x1a || tag === 0x62 /* severity_text = 3, event_name = 12 */) rewriter.text(stop);
    else if (tag === 0x2a /* body = 5 */) {
      if (rewriter.rules.content === "drop") rewriter.remove(tagAt, stop);
      else rewriter.value(stop, 1);
    } else return false;
    return true;
  });
}

/** What the record is, whose length comes next; nothing is consumed. */
function kindOf(rewriter: Rewriter, end: number): LogEventKind | undefined {
  const { reader } = rewriter;
  const before = reader.at;
  const stop = reader.delimited(end);
  let event = "";
  let attribute = "";
  while (reader.at < stop) {
    const tag = reader.tag(stop);
    if (tag === 0x62 /* event_name = 12 */) {
      const nameEnd = reader.delimited(stop);
      event = textOf(reader.body, reader.at, nameEnd);
      reader.at = nameEnd;
      continue;
    }
    if (tag === 0x32) attribute = rewriter.textUnder(EVENT_NAME_KEY, stop) ?? attribute;
    reader.skip(tag, stop);
  }
  reader.at = before;
  return LOG_EVENTS.get(event || attribute);
}
