/**
 * Redacts a trace request before anything of it is written.
 *
 * What can hold text is searched: names of spans and events, status messages, and the attributes of resources, scopes,
 * spans, events and links, keys included. The number of spans and their order stay, so that what was counted and refused before
 * still holds. A span in which something was replaced says how often (`assay.content.redactions`), never what.
 */
import { ATTR } from "@assay/instrumentation/conventions";
import { Rewriter, textOf, type Rules } from "./rewriter.ts";

export interface Redaction {
  /** The request's own bytes when nothing had to be replaced. */
  body: Uint8Array;
  redactions: number;
  byLabel: ReadonlyMap<string, number>;
}

export interface RedactRules {
  rules: Rules;
  /** For projects with rules of their own. */
  projects: ReadonlyMap<string, Rules>;
}

export function createTraceRedactor({
  rules,
  projects,
}: RedactRules): (body: Uint8Array) => Redaction {
  const rewriter = new Rewriter(rules, projects);
  return (body) => {
    rewriter.begin(body);
    rewriter.counts.clear();
    rewriter.total = 0;
    walkRequest(rewriter, body.length, walkSpan, 0x12);
    const changed = rewriter.patch.apply(body);
    return { body: changed, redactions: rewriter.total, byLabel: new Map(rewriter.counts) };
  };
}

/** Resources, scopes, and what lies in a scope's field `itemTag`: spans or log records. */
export function walkRequest(
  rewriter: Rewriter,
  end: number,
  walkItem: (rewriter: Rewriter, end: number, project: string) => void,
  itemTag: number,
): void {
  const { reader } = rewriter;
  while (reader.at < end) {
    const tag = reader.tag(end);
    if (tag !== 0x0a) {
      reader.skip(tag, end);
      continue;
    }
    const project = rewriter.hasProjects ? projectOf(rewriter, end) : "";
    rewriter.use(project);
    rewriter.message(end, (inner, _, stop) => {
      if (inner === 0x0a /* resource = 1 */ && rewriter.rules.resource)
        walkResource(rewriter, stop);
      else if (inner === 0x12 /* scope_spans, scope_logs = 2 */)
        walkScope(rewriter, stop, walkItem, { itemTag, project });
      else return false;
      return true;
    });
  }
}

/** As the encoder has it: `assay.project`, else `service.namespace`, else `service.name`. */
function projectOf(rewriter: Rewriter, end: number): string {
  const { reader } = rewriter;
  const before = reader.at;
  const found = new Map<string, string>();
  const keys = [ATTR.assayProject, ATTR.serviceNamespace, ATTR.serviceName];
  const stop = reader.delimited(end);
  while (reader.at < stop) {
    const tag = reader.tag(stop);
    if (tag !== 0x0a) {
      reader.skip(tag, stop);
      continue;
    }
    const resourceStop = reader.delimited(stop);
    while (reader.at < resourceStop) {
      const inner = reader.tag(resourceStop);
      if (inner === 0x0a) {
        for (const key of keys) {
          const value = rewriter.textUnder(key, resourceStop);
          if (value !== undefined) found.set(key, value);
        }
      }
      reader.skip(inner, resourceStop);
    }
  }
  reader.at = before;
  return keys.map((key) => found.get(key)).find((value) => value !== undefined) ?? "";
}

function walkResource(rewriter: Rewriter, end: number): void {
  rewriter.message(end, (tag, tagAt, stop) => {
    if (tag !== 0x0a /* attributes = 1 */) return false;
    rewriter.attribute(tagAt, stop);
    return true;
  });
}

function walkScope(
  rewriter: Rewriter,
  end: number,
  walkItem: (rewriter: Rewriter, end: number, project: string) => void,
  { itemTag, project }: { itemTag: number; project: string },
): void {
  rewriter.message(end, (tag, _, stop) => {
    if (tag === 0x0a /* scope = 1 */) {
      rewriter.message(stop, (inner, innerAt, innerStop) => {
        if (inner === 0x0a || inner === 0x12 /* name = 1, version = 2 */) rewriter.text(innerStop);
        else if (inner === 0x1a /* attributes = 3 */) rewriter.attribute(innerAt, innerStop);
        else return false;
        return true;
      });
    } else if (tag === itemTag) walkItem(rewriter, stop, project);
    else return false;
    return true;
  });
}

interface Item {
  project: string;
  attributeTag: number;
  /** Asked before the item is walked: whether, without content, only metadata stays. */
  isMessage?: () => boolean;
}

/**
 * One span or log record: `take` reads its fields, and the count of what was replaced is put behind them. `attributeTag`
 * is the field of its attributes.
 */
export function walkItem(
  rewriter: Rewriter,
  end: number,
  { project, attributeTag, isMessage }: Item,
  take: (tag: number, tagAt: number, stop: number) => boolean,
): void {
  const { reader } = rewriter;
  if (rewriter.hasProjects) rewriter.use(ownProject(rewriter, end, attributeTag) ?? project);
  const onlyMetadata = rewriter.rules.content === "drop" && (isMessage?.() ?? false);
  const before = rewriter.total;
  const earlier: { tagAt: number; stop: number; count: number; changes: number }[] = [];
  const beforeAt = reader.at;
  const itemEnd = reader.delimited(end);
  reader.at = beforeAt;
  rewriter.message(end, (tag, tagAt, stop) => {
    if (tag !== attributeTag) {
      if (!take(tag, tagAt, stop)) reader.skip(tag, stop);
    } else {
      const count = rewriter.earlierCount(stop);
      if (count === undefined) rewriter.attribute(tagAt, stop, onlyMetadata);
      else {
        reader.at = reader.delimited(stop);
        earlier.push({ tagAt, stop: reader.at, count, changes: rewriter.patch.count });
      }
    }
    if (reader.at === itemEnd && rewriter.total > before) {
      for (const old of earlier.toReversed()) {
        rewriter.patch.removeEarlier(old.changes, old.tagAt, old.stop);
      }
      const sum = earlier.reduce((all, { count }) => all + count, rewriter.total - before);
      rewriter.putCount(attributeTag, itemEnd, sum);
    }
    return true;
  });
  rewriter.use(project);
}

function ownProject(rewriter: Rewriter, end: number, attributeTag: number): string | undefined {
  const { reader } = rewriter;
  const before = reader.at;
  const stop = reader.delimited(end);
  let project: string | undefined;
  while (reader.at < stop) {
    const tag = reader.tag(stop);
    if (tag === attributeTag) project = rewriter.textUnder(ATTR.assayProject, stop) ?? project;
    reader.skip(tag, stop);
  }
  reader.at = before;
  return project;
}

function walkSpan(rewriter: Rewriter, end: number, project: string): void {
  walkItem(rewriter, end, { project, attributeTag: 0x4a }, (tag, _, stop) => {
    switch (tag) {
      case 0x2a: // name = 5
        rewriter.text(stop);
        return true;
      case 0x5a: // events = 11
        walkEvent(rewriter, stop);
        return true;
      case 0x6a: // links = 13
        rewriter.message(stop, (inner, innerAt, innerStop) => {
          if (inner !== 0x22 /* attributes = 4 */) return false;
          rewriter.attribute(innerAt, innerStop);
          return true;
        });
        return true;
      case 0x7a: // status = 15
        rewriter.message(stop, (inner, innerAt, innerStop) => {
          if (inner !== 0x12 /* message = 2 */) return false;
          if (rewriter.rules.content === "drop") rewriter.remove(innerAt, innerStop);
          else rewriter.text(innerStop);
          return true;
        });
        return true;
      default:
        return false;
    }
  });
}

/** Without content, an event of the GenAI conventions keeps its metadata only. */
function walkEvent(rewriter: Rewriter, end: number): void {
  const onlyMetadata = rewriter.rules.content === "drop" && isMessageEvent(rewriter, end);
  rewriter.message(end, (tag, tagAt, stop) => {
    if (tag === 0x12 /* name = 2 */) rewriter.text(stop);
    else if (tag === 0x1a /* attributes = 3 */) rewriter.attribute(tagAt, stop, onlyMetadata);
    else return false;
    return true;
  });
}

function isMessageEvent(rewriter: Rewriter, end: number): boolean {
  const { reader } = rewriter;
  const before = reader.at;
  const stop = reader.delimited(end);
  let isMessage = false;
  while (reader.at < stop) {
    const tag = reader.tag(stop);
    if (tag === 0x12) {
      const nameEnd = reader.delimited(stop);
      isMessage = textOf(reader.body, reader.at, nameEnd).startsWith("gen_ai.");
      reader.at = nameEnd;
    } else reader.skip(tag, stop);
  }
  reader.at = before;
  return isMessage;
}
