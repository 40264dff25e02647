/** Redacts a logs request: the attributes and the body of each record, as for spans. */
import { Rewriter } from "./rewriter.ts";
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
  walkItem(rewriter, end, { project, attributeTag: 0x32 }, (tag, tagAt, stop) => {
    if (tag === 0x1a || tag === 0x62 /* severity_text = 3, event_name = 12 */) rewriter.text(stop);
    else if (tag === 0x2a /* body = 5 */) {
      if (rewriter.rules.content === "drop") rewriter.remove(tagAt, stop);
      else rewriter.value(stop, 1);
    } else return false;
    return true;
  });
}
