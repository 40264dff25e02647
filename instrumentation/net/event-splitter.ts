/**
 * Text that comes in pieces → events: Server-Sent Events (https://html.spec.whatwg.org/multipage/server-sent-events.html)
 * or a JSON document per line. Wherever the pieces are cut, the events are the same.
 *
 * Holds one event at most. An event longer than the limit is left out, so that memory stays bounded whatever comes.
 */

/** Characters. */
export const EVENT_LIMIT = 4 * 1024 * 1024;

export interface EventSplitter {
  push(text: string): void;
  /** What has come since the last complete event counts too. */
  end(): void;
}

/** @param onData the `data` of each event; event names repeat what is in it, in every API that is read here */
export function serverSentEvents(onData: (data: string) => void): EventSplitter {
  let data: string[] = [];
  let size = 0;
  const dispatch = (): void => {
    const event = size <= EVENT_LIMIT ? data : [];
    data = [];
    size = 0;
    if (event.length > 0) onData(event.join("\n"));
  };
  const lines = splitLines((line) => {
    if (line === "") return dispatch();
    if (!line.startsWith("data:")) return;
    size += line.length;
    if (size <= EVENT_LIMIT) data.push(line.slice(line[5] === " " ? 6 : 5));
  });
  return {
    push: (text) => lines.push(text),
    end() {
      lines.end();
      dispatch();
    },
  };
}

export function jsonLines(onData: (data: string) => void): EventSplitter {
  return splitLines((line) => {
    if (line.trim() !== "") onData(line);
  });
}

/** A line ends with \n, \r\n or \r; the two of \r\n may come in different pieces. */
function splitLines(onLine: (line: string) => void): EventSplitter {
  let rest: string[] = [];
  let size = 0;
  let tooLong = false;
  let afterReturn = false;
  const hold = (text: string): void => {
    if (text === "") return;
    size += text.length;
    tooLong ||= size > EVENT_LIMIT;
    if (tooLong) rest = [];
    else rest.push(text);
  };
  const complete = (text: string): void => {
    hold(text);
    const line = tooLong ? undefined : rest.join("");
    rest = [];
    size = 0;
    tooLong = false;
    if (line !== undefined) onLine(line);
  };
  return {
    push(text) {
      let from = afterReturn && text.startsWith("\n") ? 1 : 0;
      if (text !== "") afterReturn = false;
      for (let at = nextEnd(text, from); at >= 0; at = nextEnd(text, from)) {
        complete(text.slice(from, at));
        const isReturn = text[at] === "\r";
        afterReturn = isReturn && at + 1 === text.length;
        from = at + (isReturn && text[at + 1] === "\n" ? 2 : 1);
      }
      hold(text.slice(from));
    },
    end() {
      if (size > 0) complete("");
    },
  };
}

/** Nearly no API sends \r alone: it is looked for only where there is one before the next \n. */
function nextEnd(text: string, from: number): number {
  const newline = text.indexOf("\n", from);
  const end = newline < 0 ? text.length : newline;
  for (let at = from; at < end; at++) if (text.charCodeAt(at) === 13) return at;
  return newline;
}
