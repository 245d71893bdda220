/** An agent as `agents.list` shows it. */
export interface ListedAgent {
  readonly name: string;
  readonly display_name: string;
  readonly dialect: string;
  readonly trust: string;
  readonly via?: string;
  /** ISO 8601 */
  readonly since: string;
  /** How many connections use the name, if more than one: all of them hear what is for it. */
  readonly connections?: number;
}

/** A room as `rooms.list` shows it. */
export interface ListedRoom {
  readonly name: string;
  /** Those who are away included. */
  readonly members: number;
  /** So many of them are away: their mailboxes say that memberships outlive connections. Absent: none. */
  readonly away?: number;
  readonly invite_only: boolean;
  /** It remembers what is said. */
  readonly durable?: true;
}
