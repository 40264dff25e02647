/**
 * A trace's spans as a tree, from parent ids that may lie.
 *
 * A span whose parent is not there (not arrived, sampled away, in a system that we do not see) becomes a root marked
 * `orphan`. Spans that are each other's ancestors hang below the earliest of them, which becomes an orphan root too, so
 * that every span is shown exactly once. Iterative: a chain of 10,000 spans must not overflow the stack.
 */
export interface TreeSpan {
  span_id: string;
  parent_span_id: string | null;
  /** Nanoseconds since 1970, as text. */
  time_unix_nano: string;
}

export interface TreeNode<T extends TreeSpan> {
  span: T;
  depth: number;
  orphan: boolean;
  /** Ids of the children, earliest first. */
  children: string[];
}

function earliestFirst(a: TreeSpan, b: TreeSpan): number {
  const difference = BigInt(a.time_unix_nano) - BigInt(b.time_unix_nano);
  if (difference !== 0n) return difference < 0n ? -1 : 1;
  return a.span_id < b.span_id ? -1 : 1;
}

/** Depth first, siblings earliest first. */
export function buildTree<T extends TreeSpan>(spans: readonly T[]): TreeNode<T>[] {
  const ordered = spans.toSorted(earliestFirst);
  const ids = new Set(ordered.map((span) => span.span_id));
  const children = new Map<string, T[]>();
  const roots: T[] = [];
  for (const span of ordered) {
    const parent = span.parent_span_id;
    if (parent === null || !ids.has(parent)) roots.push(span);
    else if (children.has(parent)) children.get(parent)!.push(span);
    else children.set(parent, [span]);
  }
  const nodes: TreeNode<T>[] = [];
  const seen = new Set<string>();
  for (const root of roots) walk(root, children, seen, nodes);
  // Whatever no root reaches is part of a circle, or hangs below one.
  for (const span of ordered) if (!seen.has(span.span_id)) walk(span, children, seen, nodes);
  return nodes;
}

function walk<T extends TreeSpan>(
  root: T,
  children: Map<string, T[]>,
  seen: Set<string>,
  nodes: TreeNode<T>[],
): void {
  const stack = [{ span: root, depth: 0 }];
  seen.add(root.span_id);
  for (let top = stack.pop(); top; top = stack.pop()) {
    const { span, depth } = top;
    const below = (children.get(span.span_id) ?? []).filter((child) => !seen.has(child.span_id));
    const orphan = depth === 0 && span.parent_span_id !== null;
    nodes.push({ span, depth, orphan, children: below.map((child) => child.span_id) });
    for (const child of below.toReversed()) {
      seen.add(child.span_id);
      stack.push({ span: child, depth: depth + 1 });
    }
  }
}
