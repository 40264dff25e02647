/** What the gate says of whatever a role may not have. */
import { type QueryError, queryError } from "./errors.ts";

export type Role = "writer" | "reader";

export function denied(role: Role, what: string): QueryError {
  return queryError(
    497,
    `${role}: Not enough privileges: ${what} is not available in the embedded engine`,
  );
}
