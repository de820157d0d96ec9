import { plain } from "../stacks/text/plain";

/** Returns the line that a command prints where something can't be found out. */
export const cantTellLine = (reason: string): string => `Can't tell: ${plain(reason)}`;
